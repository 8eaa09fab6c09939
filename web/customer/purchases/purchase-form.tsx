import { kindAt } from "#protocol/categories.ts";
import { RecordForm } from "../record-form.tsx";
import { PURCHASES } from "./bought.ts";

/** Adds or changes a purchase. */
export function PurchaseForm(props: { path: string; value: unknown; onSaved: () => void; onCancel: () => void }) {
  const kind = kindAt(PURCHASES);
  return kind ? <RecordForm kind={kind} {...props} /> : null;
}
