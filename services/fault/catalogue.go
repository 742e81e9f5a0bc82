package fault

import (
	"slices"

	"google.golang.org/grpc/codes"
)

// The catalogue's reasons. Agencies' clients depend on these names.
const (
	CertificateInvalid   Reason = "CERTIFICATE_INVALID"
	CertificateExpired   Reason = "CERTIFICATE_EXPIRED"
	CertificateRevoked   Reason = "CERTIFICATE_REVOKED"
	CertificateUnchecked Reason = "CERTIFICATE_UNCHECKED"
	HeaderInvalid        Reason = "HEADER_INVALID"
	RoleNotHeld          Reason = "ROLE_NOT_HELD"
	MethodNotGranted     Reason = "METHOD_NOT_GRANTED"
	MethodUnknown        Reason = "METHOD_UNKNOWN"
	PurposeNotGranted    Reason = "PURPOSE_NOT_GRANTED"
	ClassNotWritable     Reason = "CLASS_NOT_WRITABLE"
	NotFound             Reason = "NOT_FOUND"
	TransitionNotAllowed Reason = "TRANSITION_NOT_ALLOWED"
	ConsentRequired      Reason = "CONSENT_REQUIRED"
	OrderRequired        Reason = "ORDER_REQUIRED"
	InvalidRequest       Reason = "INVALID"
	Conflict             Reason = "CONFLICT"
	RequestIDReused      Reason = "REQUEST_ID_REUSED"
	LogUnavailable       Reason = "LOG_UNAVAILABLE"
	StoreUnavailable     Reason = "STORE_UNAVAILABLE"
	OutcomeUnknown       Reason = "OUTCOME_UNKNOWN"
	BudgetExceeded       Reason = "BUDGET_EXCEEDED"
	DeadlineExceeded     Reason = "DEADLINE_EXCEEDED"
	Cancelled            Reason = "CANCELLED"
	Internal             Reason = "INTERNAL"
)

type entry struct {
	code    codes.Code
	message string
	action  string
}

var catalogue = map[Reason]entry{
	CertificateInvalid: {codes.Unauthenticated,
		"the client certificate does not name one agency and system of the agreement",
		"use a certificate whose only URI SAN is spiffe://<domain>/agency/<agency>/system/<system>, for an agency that the agreement names"},
	CertificateExpired: {codes.Unauthenticated,
		"the client certificate has expired or is not valid yet",
		"renew the certificate, check this machine's clock, and connect again"},
	CertificateRevoked: {codes.Unauthenticated,
		"the client certificate was revoked",
		"ask the operator of the exchange for a new certificate"},
	CertificateUnchecked: {codes.Unauthenticated,
		"the exchange has no fresh revocation list and therefore refuses every certificate",
		"wait and try again; the operator must publish a revocation list that is in date"},
	HeaderInvalid: {codes.Unauthenticated,
		"an identity header is missing, repeated, malformed or contradicts the certificate",
		"send jisr-officer, jisr-purpose and, where the certificate holds several roles, jisr-role: each once and well formed"},
	RoleNotHeld: {codes.Unauthenticated,
		"the certificate does not hold the role that the call names, or holds several and the call names none",
		"name a role of your certificate in jisr-role; WhoAmI lists them"},
	MethodNotGranted: {codes.PermissionDenied,
		"the agreement does not grant this method to your role",
		"see GetDisclosureMatrix and GetAgreement for what your role may call"},
	MethodUnknown: {codes.Unimplemented,
		"the exchange has no method of this name",
		"check the method's name and the contract that your system was built with; WhoAmI tells the server's version"},
	PurposeNotGranted: {codes.PermissionDenied,
		"the agreement does not grant this purpose to your role",
		"name one of the purposes that WhoAmI lists in jisr-purpose"},
	ClassNotWritable: {codes.PermissionDenied,
		"the request holds fields that your role may not tell about this record",
		"leave out the fields named in the details, or ask the agency that may tell them; nothing was changed"},
	NotFound: {codes.NotFound,
		"there is no such record, or your agency has no link to it",
		"check the name; ask the agency that told you of it to refer or share it"},
	TransitionNotAllowed: {codes.FailedPrecondition,
		"the record's state does not allow this step, or not to your agency",
		"read the record and take one of the next states named in the details; nothing was changed"},
	ConsentRequired: {codes.FailedPrecondition,
		"this needs the person's consent in force, or another legal basis recorded",
		"record the consent with RecordConsent, then repeat; nothing was changed"},
	OrderRequired: {codes.FailedPrecondition,
		"this needs a judge's order in force of the kind named in the details",
		"ask the investigating judge for the order, then repeat; nothing was changed"},
	InvalidRequest: {codes.InvalidArgument,
		"the request breaks the rules named in the details",
		"mend every field named in the details and send it again; nothing was changed"},
	Conflict: {codes.Aborted,
		"the record has changed since you read it",
		"read it again, and repeat the change with the new etag"},
	RequestIDReused: {codes.AlreadyExists,
		"this request_id was used for another request",
		"use a new UUID for a new request; repeat a request with all its fields the same"},
	LogUnavailable: {codes.Unavailable,
		"the access log cannot be written, so nothing is shown and nothing is changed",
		"try again later with the same request_id; the operator has been alarmed"},
	StoreUnavailable: {codes.Unavailable,
		"the store cannot be reached, so nothing was changed",
		"try again later with the same request_id"},
	OutcomeUnknown: {codes.Unavailable,
		"the change may or may not have been kept",
		"repeat the same request with the same request_id: it has one effect and tells the outcome"},
	BudgetExceeded: {codes.ResourceExhausted,
		"your agency asks for more than its budget: calls in flight, or calls in a second",
		"wait as long as RetryInfo says, then repeat"},
	DeadlineExceeded: {codes.DeadlineExceeded,
		"the deadline of the call passed",
		"repeat with the same request_id and a longer deadline"},
	Cancelled: {codes.Canceled,
		"the call was cancelled by its caller",
		"repeat with the same request_id if the outcome matters"},
	Internal: {codes.Internal,
		"internal error",
		"tell the operator the incident number in the details"},
}

// Reasons returns every reason of the catalogue in order; for documentation and tests.
func Reasons() []Reason {
	all := make([]Reason, 0, len(catalogue))
	for r := range catalogue {
		all = append(all, r)
	}
	slices.Sort(all)
	return all
}

// Describe returns the code, message and action of a reason.
func Describe(r Reason) (code codes.Code, message, action string) {
	e := catalogue[r]
	return e.code, e.message, e.action
}
