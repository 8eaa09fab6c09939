import { LineField, type LineFieldProps } from "./line-field.tsx";

/** The address of a server. */
export const AddressField = (props: LineFieldProps) => (
  <LineField {...props} input={{ type: "url", inputMode: "url", autocapitalize: "none" }} />
);
