import { useId } from "preact/hooks";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { splitPath } from "#protocol/paths.ts";
import { words } from "../../locales/words.ts";
import type { ConnectionView } from "../../vault/vault.ts";
import { actionWord } from "../ask/more-actions.tsx";
import { chipOf, formWords, purposeWords } from "../labels.ts";
import { categoryWord, recipientWord } from "../purchases/labels.ts";
import { valueText } from "../values.ts";
import { at, type Less, lesserPaths } from "./less.ts";

interface Props {
  object: number;
  detail: AuthorizationDetail;
  several: boolean;
  connection: ConnectionView;
  less: Less;
  onChange: (less: Less) => void;
}

/** What a shop may read for one purpose: all ticked, to be unticked, or to be left in a lesser form. */
export function LessObject({ object, detail, several, connection, less, onChange }: Props) {
  const { ask } = words();
  const id = useId();
  const toggle = (set: ReadonlySet<string>, name: string, gone: boolean): ReadonlySet<string> => {
    const next = new Set(set);
    if (gone) next.add(at(object, name));
    else next.delete(at(object, name));
    return next;
  };
  const leave = (path: string, left: string | null) => onChange({ ...less, left: new Map(less.left).set(at(object, path), left) });
  const more = detail.actions.filter((each) => each !== "read");
  return (
    <fieldset class="field">
      <legend class={several ? undefined : "vh"}>{purposeWords(detail.purpose).short}</legend>
      <ul class="items">
        {detail.paths.map((path) => {
          const left = less.left.get(at(object, path));
          const lesser = lesserPaths(path);
          const value = connection.shared.find((each) => each.path === path)?.value ?? null;
          return (
            <li class="item" key={path}>
              <label class="row">
                <input
                  type="checkbox"
                  data-path={path}
                  checked={left !== null}
                  onChange={(event) => leave(path, event.currentTarget.checked ? path : null)}
                />
                <span>
                  <strong>{chipOf(path)}</strong>
                  {value !== null && <span class="sub">{valueText(value)}</span>}
                </span>
              </label>
              {left !== null && lesser.length > 0 && (
                <fieldset class="indent">
                  <legend class="vh">{ask.howMuch}</legend>
                  {[path, ...lesser].map((each) => (
                    <label class="choice" key={each}>
                      <input type="radio" name={`${id}-${path}`} checked={(left ?? path) === each} onChange={() => leave(path, each)} />
                      <span>
                        {formWords(path, splitPath(each).form)} {each === path && <span class="opt">{ask.change.asNowForm}</span>}
                      </span>
                    </label>
                  ))}
                </fieldset>
              )}
            </li>
          );
        })}
      </ul>
      <Ticks
        title={ask.whichKinds}
        names={detail.filter?.categories}
        text={categoryWord}
        isGone={(name) => less.categories.has(at(object, name))}
        onChange={(name, gone) => onChange({ ...less, categories: toggle(less.categories, name, gone) })}
      />
      <Ticks
        title={ask.whichFor}
        names={detail.filter?.recipients}
        text={recipientWord}
        isGone={(name) => less.recipients.has(at(object, name))}
        onChange={(name, gone) => onChange({ ...less, recipients: toggle(less.recipients, name, gone) })}
      />
      <Ticks
        title={ask.also}
        names={more}
        text={actionWord}
        isGone={(name) => less.actions.has(at(object, name))}
        onChange={(name, gone) => onChange({ ...less, actions: toggle(less.actions, name, gone) })}
      />
    </fieldset>
  );
}

function Ticks<T extends string>(props: {
  title: string;
  names: readonly T[] | undefined;
  text: (name: T) => string;
  isGone: (name: T) => boolean;
  onChange: (name: T, gone: boolean) => void;
}) {
  const { names = [] } = props;
  if (names.length === 0) return null;
  return (
    <fieldset class="field">
      <legend>{props.title}</legend>
      <div class="ticks">
        {names.map((name) => (
          <label class="choice" key={name}>
            <input type="checkbox" checked={!props.isGone(name)} onChange={(event) => props.onChange(name, !event.currentTarget.checked)} />
            {props.text(name)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
