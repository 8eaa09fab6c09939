/** The three closed curves of a key's mark in a 100 x 100 box, as SVG paths, from 32 bytes of its thumbprint. Same key, same figure. */
export function rosetteCurves(bytes: Uint8Array): string[] {
  return [0, 1, 2].map((k) => {
    const byte = (at: number) => bytes[4 * k + at] ?? 0;
    const lobes = 5 + (byte(0) % 11);
    const twist = 1 + (byte(1) % 4);
    const amplitude = 0.16 + (byte(2) % 40) / 160;
    const phase = (byte(3) / 255) * Math.PI;
    const base = 46 * (0.92 - 0.24 * k) * (1 - amplitude);
    const steps = 24 * lobes;
    const points = Array.from({ length: steps }, (_, at) => {
      const t = (at / steps) * 2 * Math.PI * twist;
      const radius = base * (1 + amplitude * Math.cos((lobes / twist) * t + phase));
      return `${(50 + radius * Math.cos(t)).toFixed(1)} ${(50 + radius * Math.sin(t)).toFixed(1)}`;
    });
    return `M${points.join("L")}Z`;
  });
}
