package agentid

/*
#cgo nocallback go_reason_category
#cgo noescape go_reason_category
#cgo nocallback go_reason_http_status
#cgo noescape go_reason_http_status
#include "abi.h"

static agentid_category go_reason_category(_GoString_ reason) { return agentid_reason_category(TEXT(reason)); }
static int32_t go_reason_http_status(_GoString_ reason) { return agentid_reason_http_status(TEXT(reason)); }
static go_texts go_reason_challenge(_GoString_ reason) {
    TAKE(agentid_reason_challenge(TEXT(reason), &first, &error));
}
static go_texts go_reason_list(void) { TAKE(agentid_reason_list(&first, &error)); }
*/
import "C"

// Reason says which rule denied a call. docs/reasons.md has a line for each: what it means, and what to do.
type Reason string

// The reasons, of this version of the library. A newer library may have more.
const (
	ReasonAgentNotUnderParent         Reason = "agent_not_under_parent"
	ReasonAlgorithmNotPermitted       Reason = "algorithm_not_permitted"
	ReasonApprovalRefused             Reason = "approval_refused"
	ReasonApprovalRequired            Reason = "approval_required"
	ReasonApprovalUnavailable         Reason = "approval_unavailable"
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
	ReasonBudgetExhausted             Reason = "budget_exhausted"
	ReasonBudgetUnavailable           Reason = "budget_unavailable"
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
	ReasonFlowRefused                 Reason = "flow_refused"
	ReasonHolderKeyInvalid            Reason = "holder_key_invalid"
	ReasonIdentityBindingUnavailable  Reason = "identity_binding_unavailable"
	ReasonInvalidSignature            Reason = "invalid_signature"
	ReasonIssuedBeforeParent          Reason = "issued_before_parent"
	ReasonIssuerThumbprintMismatch    Reason = "issuer_thumbprint_mismatch"
	ReasonJournalMissing              Reason = "journal_missing"
	ReasonJournalRolledBack           Reason = "journal_rolled_back"
	ReasonLeaseLapsed                 Reason = "lease_lapsed"
	ReasonLifetimeExceeded            Reason = "lifetime_exceeded"
	ReasonMetersDamaged               Reason = "meters_damaged"
	ReasonMetersFull                  Reason = "meters_full"
	ReasonMetersShare                 Reason = "meters_share"
	ReasonNonceInvalid                Reason = "nonce_invalid"
	ReasonNonceRequired               Reason = "nonce_required"
	ReasonNotYetValid                 Reason = "not_yet_valid"
	ReasonOutsideHours                Reason = "outside_hours"
	ReasonParHashMismatch             Reason = "par_hash_mismatch"
	ReasonParHashMissing              Reason = "par_hash_missing"
	ReasonParHashPresentOnRoot        Reason = "par_hash_present_on_root"
	ReasonParked                      Reason = "parked"
	ReasonPolicyDenied                Reason = "policy_denied"
	ReasonPolicyUnreadable            Reason = "policy_unreadable"
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
	ReasonRateLimited                 Reason = "rate_limited"
	ReasonRegistryReplaced            Reason = "registry_replaced"
	ReasonRegistryRolledBack          Reason = "registry_rolled_back"
	ReasonReplayMemoryFull            Reason = "replay_memory_full"
	ReasonReplayMemoryReplaced        Reason = "replay_memory_replaced"
	ReasonReplayed                    Reason = "replayed"
	ReasonRevocationViewStale         Reason = "revocation_view_stale"
	ReasonRootDepthInvalid            Reason = "root_depth_invalid"
	ReasonSecretPermitForeign         Reason = "secret_permit_foreign"
	ReasonSecretResourceMismatch      Reason = "secret_resource_mismatch"
	ReasonSecretUsed                  Reason = "secret_used"
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
type Category int32

// The categories of reasons.
const (
	Forbidden    Category = C.AGENTID_FORBIDDEN    // the authority is not enough: no proof changes that
	Unauthorized Category = C.AGENTID_UNAUTHORIZED // another chain or a fresh proof may do
	Undecided    Category = C.AGENTID_UNDECIDED    // the guard cannot decide now: nothing that the client sends changes that
)

// String is the category's name in lower case.
func (c Category) String() string {
	switch c {
	case Unauthorized:
		return "unauthorized"
	case Undecided:
		return "undecided"
	default:
		return "forbidden"
	}
}

// Category is Forbidden for a reason that the library does not know.
func (r Reason) Category() Category { return Category(C.go_reason_category(string(r))) }

// HTTPStatus is a server's answer: 401, 403 or 503; 428 where the client has to send the whole chain once,
// 429 after too many calls.
func (r Reason) HTTPStatus() int { return int(C.go_reason_http_status(string(r))) }

// Challenge is the value of WWW-Authenticate that goes with the status; empty where that is not 401.
func (r Reason) Challenge() string {
	challenge, _ := text(C.go_reason_challenge(string(r))) // it cannot fail but for want of memory
	return challenge
}

// Reasons are those of the library, in the order of their bytes: a newer one has more than there are constants here.
func Reasons() ([]Reason, error) {
	listed, err := document[[]struct {
		Reason Reason `json:"reason"`
	}](nil, C.go_reason_list())
	reasons := make([]Reason, 0, len(listed))
	for _, one := range listed {
		reasons = append(reasons, one.Reason)
	}
	return reasons, err
}
