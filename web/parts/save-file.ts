/** Lets the browser keep something as a file, without a server. */
export function saveFile(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers begin to read a large file only after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
