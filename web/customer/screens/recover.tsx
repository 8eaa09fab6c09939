import { useSignal } from "@preact/signals";
import { words } from "../../locales/words.ts";
import { Heading } from "../../parts/heading.tsx";
import { RecoverFlow } from "../recover-flow.tsx";

export function Recover() {
  const { recover: t, notFound } = words();
  const done = useSignal(false);
  if (done.value)
    return (
      <>
        <Heading key="done">{t.done}</Heading>
        <p class="lead" />
        <a class="btn" href="/">
          {notFound.action}
        </a>
      </>
    );
  return (
    <>
      <Heading key="flow">{t.title}</Heading>
      <p class="lead">{t.lead}</p>
      <RecoverFlow
        onDone={() => {
          done.value = true;
        }}
      />
    </>
  );
}
