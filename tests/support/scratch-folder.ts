import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is gone on disposal. `open` lets other users enter it, as a database server that drops root needs. */
export async function scratchFolder({ open = false }: { open?: boolean } = {}): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "counterfoil-"));
  if (open) await chmod(path, 0o755);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
