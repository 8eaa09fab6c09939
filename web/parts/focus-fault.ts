/** Puts the focus on the first field with a fault, after the faults have been drawn; a folded part that holds one is opened. */
export function focusFault(within: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const first = within?.querySelector<HTMLElement>("[aria-invalid]");
    for (let fold = first?.closest("details"); fold; fold = fold.parentElement?.closest("details")) fold.open = true;
    first?.focus();
  });
}
