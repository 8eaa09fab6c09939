import type { ComponentType } from "preact";
import lazy from "preact-iso/lazy";
import type { Area } from "../locales/catalogue.ts";
import { loadAreas, words } from "../locales/words.ts";
import { Heading } from "../parts/heading.tsx";
import { Notice } from "../parts/notice.tsx";

/** A screen in a chunk of its own, with the areas of words that it uses. One that doesn't come, or isn't the one that this page names, is told, not shown as emptiness. */
export const route = (areas: readonly Area[], load: () => Promise<ComponentType>): ComponentType =>
  lazy(() =>
    Promise.all([load(), loadAreas(areas)]).then(
      ([screen]) => screen,
      () => NotLoaded,
    ),
  );

function NotLoaded() {
  const t = words().state;
  return (
    <>
      <Heading>{t.errorTitle}</Heading>
      <Notice tone="stamped" alert>
        <p>{t.notLoaded}</p>
        <button type="button" class="text-btn" onClick={() => location.reload()}>
          {t.retry}
        </button>
      </Notice>
    </>
  );
}
