//go:build cgo

package agentid

import (
	"net/http"
	"strings"
)

// Reason says which rule denied a call. docs/operations.md has a line for each: what it means, and what to do.
type Reason string

// The reasons, of this version of the library. A newer library may have more.
const (
	ReasonAgentNotUnderParent         Reason = "agent_not_under_parent"
	ReasonAlgorithmNotPermitted       Reason = "algorithm_not_permitted"
	ReasonArgumentConstraintViolated  Reason = "argument_constraint_violated"
	ReasonArgumentKeySetMismatch      Reason = "argument_key_set_mismatch"
	ReasonArgumentMissing             Reason = "argument_missing"
	ReasonArgumentNotPermitted        Reason = "argument_not_permitted"
	ReasonArgumentsMalformed          Reason = "arguments_malformed"
	ReasonAuditReplaced               Reason = "audit_replaced"
	ReasonAuditRolledBack             Reason = "audit_rolled_back"
	ReasonAuditUnavailable            Reason = "audit_unavailable"
	ReasonAuthorityRevoked            Reason = "authority_revoked"
	ReasonAuthorizationDetailsInvalid Reason = "authorization_details_invalid"
	ReasonChainAudienceMismatch       Reason = "chain_audience_mismatch"
	ReasonChainAudienceMissing        Reason = "chain_audience_missing"
	ReasonChainCycleDetected          Reason = "chain_cycle_detected"
	ReasonChainEmpty                  Reason = "chain_empty"
	ReasonChainLengthMismatch         Reason = "chain_length_mismatch"
	ReasonChainTooLong                Reason = "chain_too_long"
	ReasonChainUnknown                Reason = "chain_unknown"
	ReasonClockFailed                 Reason = "clock_failed"
	ReasonClockInvalid                Reason = "clock_invalid"
	ReasonClockWentBack               Reason = "clock_went_back"
	ReasonConstraintExpansion         Reason = "constraint_expansion"
	ReasonConstraintTooDeep           Reason = "constraint_too_deep"
	ReasonConstraintTypeNotPermitted  Reason = "constraint_type_not_permitted"
	ReasonConstraintTypeUnrecognized  Reason = "constraint_type_unrecognized"
	ReasonContextOverride             Reason = "context_override"
	ReasonDelegationCeilingInvalid    Reason = "delegation_ceiling_invalid"
	ReasonDelegationCeilingRaised     Reason = "delegation_ceiling_raised"
	ReasonDelegationDepthExceeded     Reason = "delegation_depth_exceeded"
	ReasonDelegationDepthInvalid      Reason = "delegation_depth_invalid"
	ReasonDepthExceedsOwnCeiling      Reason = "depth_exceeds_own_ceiling"
	ReasonDirectoryReplaced           Reason = "directory_replaced"
	ReasonExpired                     Reason = "expired"
	ReasonExpiryExceedsParent         Reason = "expiry_exceeds_parent"
	ReasonExpiryNotAfterIssuance      Reason = "expiry_not_after_issuance"
	ReasonFlowForbidden               Reason = "flow_forbidden"
	ReasonHolderKeyInvalid            Reason = "holder_key_invalid"
	ReasonIdentityBindingUnavailable  Reason = "identity_binding_unavailable"
	ReasonInvalidSignature            Reason = "invalid_signature"
	ReasonIssuedBeforeParent          Reason = "issued_before_parent"
	ReasonIssuerThumbprintMismatch    Reason = "issuer_thumbprint_mismatch"
	ReasonJournalMissing              Reason = "journal_missing"
	ReasonJournalRolledBack           Reason = "journal_rolled_back"
	ReasonLeaseLapsed                 Reason = "lease_lapsed"
	ReasonLifetimeExceeded            Reason = "lifetime_exceeded"
	ReasonNonceInvalid                Reason = "nonce_invalid"
	ReasonNonceRequired               Reason = "nonce_required"
	ReasonNotYetValid                 Reason = "not_yet_valid"
	ReasonParHashMismatch             Reason = "par_hash_mismatch"
	ReasonParHashMissing              Reason = "par_hash_missing"
	ReasonParHashPresentOnRoot        Reason = "par_hash_present_on_root"
	ReasonParked                      Reason = "parked"
	ReasonProofBindingMismatch        Reason = "pop_binding_mismatch"
	ReasonProofMalformed              Reason = "pop_malformed"
	ReasonProofMissing                Reason = "pop_missing"
	ReasonProofRecipientMismatch      Reason = "pop_recipient_mismatch"
	ReasonProofSignatureInvalid       Reason = "pop_signature_invalid"
	ReasonProofStale                  Reason = "pop_stale"
	ReasonProofTokenMismatch          Reason = "pop_token_mismatch"
	ReasonProofToolMismatch           Reason = "pop_tool_mismatch"
	ReasonPresentationMalformed       Reason = "presentation_malformed"
	ReasonPrivateKeyMaterial          Reason = "private_key_material"
	ReasonRegistryReplaced            Reason = "registry_replaced"
	ReasonRegistryRolledBack          Reason = "registry_rolled_back"
	ReasonReplayMemoryFull            Reason = "replay_memory_full"
	ReasonReplayMemoryReplaced        Reason = "replay_memory_replaced"
	ReasonReplayed                    Reason = "replayed"
	ReasonRevocationViewStale         Reason = "revocation_view_stale"
	ReasonRootDepthInvalid            Reason = "root_depth_invalid"
	ReasonStatusUnavailable           Reason = "status_unavailable"
	ReasonSubjectIdentityMismatch     Reason = "subject_identity_mismatch"
	ReasonSuspended                   Reason = "suspended"
	ReasonTokenMalformed              Reason = "token_malformed"
	ReasonTokenTooLarge               Reason = "token_too_large"
	ReasonTooCostly                   Reason = "too_costly"
	ReasonToolNotAuthorized           Reason = "tool_not_authorized"
	ReasonToolNotDelegated            Reason = "tool_not_delegated"
	ReasonUntrustedRoot               Reason = "untrusted_root"
)

// Category says what another call can change.
type Category int

// The categories of reasons.
const (
	Forbidden    Category = iota // the authority is not enough: no proof changes that
	Unauthorized                 // another chain or a fresh proof may do
	Undecided                    // the guard cannot decide now: nothing that the client sends changes that
)

// Category is Forbidden for a reason that this version does not know.
func (r Reason) Category() Category {
	switch r {
	case ReasonAuditUnavailable, ReasonRevocationViewStale, ReasonStatusUnavailable, ReasonReplayMemoryFull,
		ReasonReplayMemoryReplaced, ReasonDirectoryReplaced, ReasonRegistryReplaced, ReasonRegistryRolledBack,
		ReasonJournalMissing, ReasonJournalRolledBack, ReasonAuditReplaced, ReasonAuditRolledBack,
		ReasonClockFailed, ReasonClockInvalid, ReasonClockWentBack:
		return Undecided
	case ReasonNonceInvalid, ReasonNonceRequired, ReasonPresentationMalformed, ReasonChainEmpty, ReasonChainUnknown,
		ReasonTokenMalformed,
		ReasonInvalidSignature, ReasonUntrustedRoot, ReasonExpired, ReasonNotYetValid, ReasonReplayed:
		return Unauthorized
	}
	if strings.HasPrefix(string(r), "pop_") {
		return Unauthorized
	}
	return Forbidden
}

// HTTPStatus is what a server answers: 401, 403 or 503; 428 where the client has to send the whole chain once.
func (r Reason) HTTPStatus() int {
	if r == ReasonChainUnknown {
		return http.StatusPreconditionRequired
	}
	switch r.Category() {
	case Undecided:
		return http.StatusServiceUnavailable
	case Unauthorized:
		return http.StatusUnauthorized
	default:
		return http.StatusForbidden
	}
}
