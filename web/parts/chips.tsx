export function Chips({ label, items }: { label: string; items: readonly string[] }) {
  return (
    <ul class="chips" aria-label={label}>
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  );
}
