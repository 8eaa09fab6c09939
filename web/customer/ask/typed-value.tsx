import type { Kind } from "#protocol/kind.ts";
import { checked, type Draft, draftOf, type FieldErrors, isBlank, stillWrong } from "../../parts/draft.ts";
import { Fields } from "../../parts/field.tsx";
import { fieldsOf } from "../../parts/schema-fields.ts";

/** A draft of a kind in which nothing is entered. */
export const blankOf = ({ schema }: Kind): Draft => draftOf(fieldsOf(schema), undefined);

export const isEntered = ({ schema }: Kind, draft: Draft): boolean => !isBlank(fieldsOf(schema), draft);

/** The value that was typed, or what is wrong with it. */
export const enteredAs = ({ schema }: Kind, draft: Draft): { value: unknown } | { errors: FieldErrors } =>
  checked(schema, fieldsOf(schema), draft);

/** Of the faults that were told, those that are still there. */
export const faultsLeft = ({ schema }: Kind, draft: Draft, errors: FieldErrors): FieldErrors =>
  stillWrong(schema, fieldsOf(schema), draft, errors);

export function TypedFields(props: { id: string; kind: Kind; draft: Draft; errors: FieldErrors; onChange: (draft: Draft) => void }) {
  return <Fields {...props} fields={fieldsOf(props.kind.schema)} />;
}
