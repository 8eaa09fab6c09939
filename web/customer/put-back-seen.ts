const KEY = "counterfoil-put-back";

/** Which time the server was put back its customer has read of in this browser. */
export const noteSeen = (at: string): void => localStorage.setItem(KEY, at);
export const wasSeen = (at: string): boolean => localStorage.getItem(KEY) === at;
