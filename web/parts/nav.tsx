import { Icon, type IconName } from "./icons.tsx";

export interface Place {
  href: string;
  word: string;
  icon: IconName;
}

/** Above 40 rem a line of words in the header; below, a bar at the bottom with icons over the words. */
export function Nav({ label, places, path }: { label: string; places: readonly Place[]; path: string }) {
  return (
    <nav class="nav" aria-label={label}>
      <ul>
        {places.map(({ href, word, icon }) => {
          const here = href === "/" ? path === "/" || path.startsWith("/c/") : path === href || path.startsWith(`${href}/`);
          return (
            <li key={href}>
              <a href={href} aria-current={here ? "page" : undefined}>
                <Icon name={icon} />
                {word}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
