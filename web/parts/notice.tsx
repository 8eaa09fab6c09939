import type { ComponentChildren } from "preact";

/** A band with a start bar. The colour repeats what the words say: seal asks, brass warns, stamped stops, plain tells. */
export function Notice(props: {
  tone: "seal" | "brass" | "stamped" | "plain";
  title?: string;
  rule?: string;
  alert?: boolean;
  children?: ComponentChildren;
}) {
  return (
    <div class={`notice ${props.tone}`} data-rule={props.rule} {...(props.alert ? { role: "alert" as const } : {})}>
      {props.title && <strong>{props.title}</strong>}
      {props.children}
    </div>
  );
}
