/** Whether this run only tries if the tables can be made. */
export const IS_SHORT = process.env.BENCH_SHORT === "1";

/** So many of something, or few of them where it is only tried. */
export const some = (many: number, few: number): number => (IS_SHORT ? few : many);
