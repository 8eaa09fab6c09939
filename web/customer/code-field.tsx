import { LineField, type LineFieldProps } from "./line-field.tsx";

/** A kit's code, or something else printed on it. */
export const CodeField = (props: LineFieldProps) => (
  <LineField {...props} input={{ class: "code-input", type: "text", autocapitalize: "characters" }} />
);
