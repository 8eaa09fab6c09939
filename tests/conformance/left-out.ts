/** Modules of the plan that don't apply to this server, with the reason: the variants for which the suite itself leaves each out. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  FAPI2SPFinalEnsureAuthorizationRequestWithoutNonceSuccess: "openid_connect only: the nonce of OpenID Connect, and this is plain OAuth",
  FAPI2SPFinalEnsureAuthorizationRequestWith64CharNonceSuccess: "openid_connect only: the nonce of OpenID Connect",
  FAPI2SPFinalEnsureAuthorizationRequestWithLongNonce: "openid_connect only: the nonce of OpenID Connect",
  FAPI2SPFinalEnsureDifferentNonceInsideAndOutsideRequestObject: "openid_connect only: the nonce of OpenID Connect",
  FAPI2SPFinalTestClaimsParameterIdentityClaims: "openid_connect only: identity claims; no identity leaves in a token's answer here",
  FAPI2SPFinalEnsureOtherScopeOrderSucceeds:
    "openid_connect only: needs two scopes at the authorization request, which takes rich details instead",
  FAPI2SPFinalEnsureRegisteredRedirectUri:
    "not for plain_fapi, where FAPI2SPFinalTolerateUnregisteredRedirectUri stands in; the same refusal is tested there",
  FAPI2SPFinalAustraliaConnectIdEnsureInvalidPurposeFails: "connectid_au only",
  FAPI2SPFinalAustraliaConnectIdTestClaimsParameterIdTokenIdentityClaims: "connectid_au only",
  FAPI2SPFinalEnsureServerHandlesNonMatchingIntentId: "openbanking_uk only: intent ids",
  FAPI2SPFinalTestEssentialAcrScaClaim: "openbanking_uk only: the acr claim",
  FAPI2SPFinalBrazilEnsureBadPaymentSignatureFails: "openbanking_brazil only: payments",
};

/** What the plan takes off the message-signing plan's list: all of it is about signed request objects (JAR, RFC 9101), which are not served. */
export const SIGNED_REQUESTS =
  "signed request objects (JAR): not in the security profile's plan; PAR refuses `request` with request_not_supported";
