/** The browser asks every site not to sell or share what it learns (Global Privacy Control). */
export const hasGpc = (): boolean => (navigator as { readonly globalPrivacyControl?: unknown }).globalPrivacyControl === true;
