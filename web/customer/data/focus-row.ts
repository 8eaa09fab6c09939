/** Puts the focus on a record's row once it is drawn: on its edit button, or on the row itself where it has none or `whole` is said. */
export function focusRow(path: string, whole = false): void {
  requestAnimationFrame(() => {
    const row = document.getElementById(path);
    const edit = whole ? undefined : row?.querySelector<HTMLElement>("[data-edit]");
    (edit ?? row)?.focus();
  });
}

/** The record that the address names after `#`, as a search result does. */
export function pointedPath(): string | undefined {
  try {
    return decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    return undefined;
  }
}
