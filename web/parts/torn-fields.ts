import type { FieldErrors } from "./draft.ts";

/**
 * Fields that hold something that the browser gives as nothing, such as half a date, by their places in the form with this id: what
 * was typed must not be taken for left out.
 */
export function tornFields(form: HTMLElement | null, id: string): FieldErrors {
  const torn = [...(form?.querySelectorAll("input") ?? [])].filter((input) => input.validity.badInput);
  return Object.fromEntries(
    torn.map((input) => [input.id.slice(id.length + 1).replaceAll("-", "."), { type: "torn", requirement: undefined }]),
  );
}
