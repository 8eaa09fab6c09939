import { SUCCESSION_TYP, type Succession } from "../succession.ts";
import type { SigningPair } from "./pairs.ts";
import { sign } from "./sign.ts";

/** Signs the next identity and kit keys by the key of the kit that goes. */
export const signSuccession = (succession: Succession, kit: SigningPair): Promise<string> => sign(succession, SUCCESSION_TYP, kit);
