/** Puts the focus on the first field with a fault, after the faults have been drawn; each folded part that holds one is opened. */
export function focusFault(within: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const faulty = [...(within?.querySelectorAll<HTMLElement>("[aria-invalid]") ?? [])];
    for (const each of faulty)
      for (let fold = each.closest("details"); fold; fold = fold.parentElement?.closest("details") ?? null) fold.open = true;
    faulty[0]?.focus();
  });
}
