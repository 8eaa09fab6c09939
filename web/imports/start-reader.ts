import { integrity, url } from "virtual:worker/imports";
import { blobOf, startBlob } from "../blob-worker.ts";

let blob: string | undefined;

/** @throws {TypeError} if the worker was changed, or can't be reached */
export async function startReader(): Promise<Worker> {
  blob ??= await blobOf(url, integrity);
  return startBlob(blob);
}
