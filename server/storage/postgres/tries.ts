/** How often something is done that others got in the way of. */
export const TRIES = 6;

/** A while before the next try, longer each time, and not the same for all who wait. */
export const beforeNext = (tries: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * 2 ** tries));
