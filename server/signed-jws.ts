/** The key of this server that is current at that moment. */
export interface Signer {
  readonly kid: string;
  sign(data: string): string;
}

/** Claims as a compact JWS by this server's key (RFC 7515): whatever it signs is told apart by `typ`. */
export function signedJws(key: Signer, typ: string, claims: object): string {
  const signed = `${encode({ alg: "Ed25519", typ, kid: key.kid })}.${encode(claims)}`;
  return `${signed}.${key.sign(signed)}`;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
