import { HEAD_TYP, type Head } from "../head.ts";
import type { SigningPair } from "./pairs.ts";
import { sign } from "./sign.ts";

/** Signs a head by the identity key. */
export const signHead = (head: Head, identity: SigningPair): Promise<string> => sign(head, HEAD_TYP, identity);
