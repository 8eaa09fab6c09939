import { words } from "../../locales/words.ts";
import { Heading } from "../../parts/heading.tsx";

export function NotFound() {
  const t = words().notFound;
  return (
    <>
      <Heading>{t.title}</Heading>
      <p class="lead">{t.body}</p>
      <a class="btn" href="/">
        {t.action}
      </a>
    </>
  );
}
