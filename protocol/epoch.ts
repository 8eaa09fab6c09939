import * as v from "valibot";
import { Body, Positive } from "./shapes.ts";

/** One epoch of the account key: the identity pair and the key of the epoch before, boxed under it. Its leaf is `["epoch", String(epoch), 1, hash of this row]`. */
export const Epoch = v.strictObject({ epoch: Positive, identity: Body, previous: v.nullable(Body) });
export type Epoch = v.InferOutput<typeof Epoch>;
