import { integrity, url } from "virtual:worker/vault";
import { blobOf, startBlob } from "../blob-worker.ts";

let blob: string | undefined;

/** @throws {TypeError} if the worker was changed, or can't be reached */
export async function startWorker(): Promise<Worker> {
  blob ??= await blobOf(url, integrity);
  return startBlob(blob);
}
