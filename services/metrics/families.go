package metrics

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	_ "google.golang.org/grpc/reflection/grpc_reflection_v1"      // its methods are served, so they are counted
	_ "google.golang.org/grpc/reflection/grpc_reflection_v1alpha" // and so are these
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/budget"
	"github.com/jisr-exchange/jisr/services/fault"
	"github.com/jisr-exchange/jisr/services/identity"
)

// family is one metric: what it is called, what it says, and what tells its series apart.
type family struct {
	name, help string
	labels     []string
}

// The families, all of them. A name is for ever: somebody's alarm rests on it.
var (
	calls      = family{"jisr_calls_total", "Calls that ended, as the caller was answered.", []string{"method", "code"}}
	callTime   = family{"jisr_call_seconds", "How long unary calls took, until the answer was on its way.", []string{"method"}}
	refusals   = family{"jisr_refusals_total", "Calls that were refused, by the reason that the caller was told.", []string{"reason"}}
	handshakes = family{"jisr_handshakes_refused_total", "Connections that were refused before a call.", []string{"reason"}}
	cuts       = family{"jisr_connections_cut_total", "Connections that were cut because their agency, or what was sent on them, was past its budget.", []string{"reason"}}
	incidents  = family{"jisr_incidents_total", "Internal errors; each has an incident number in the log.", nil}
	rereads    = family{"jisr_rereads_total", "Reads done again because who may see what moved between reading and release.", nil}

	entries     = family{"jisr_log_entries_total", "Entries that are durable in the access log.", []string{"kind"}}
	entryBatch  = family{"jisr_log_batch_entries", "Entries that became durable by one commit.", nil}
	entryTime   = family{"jisr_log_append_seconds", "How long a reply waited until its entry was durable.", nil}
	commitTime  = family{"jisr_store_commit_seconds", "How long commits took, from begin until durable.", nil}
	commitCalls = family{"jisr_store_commit_calls", "Calls that shared one commit.", nil}
	queueTime   = family{"jisr_store_queue_seconds", "How long calls waited until the writer took them.", nil}

	termsMoved    = family{"jisr_terms_moved_total", "Records whose term had passed and whose state now says so.", []string{"kind"}}
	termsFailed   = family{"jisr_terms_failed_total", "Records whose term had passed and whose state could not be moved; tried again at the next tick.", []string{"kind"}}
	termsTime     = family{"jisr_terms_run_timestamp_seconds", "When states were last brought up to their terms.", nil}
	refreshFailed = family{"jisr_refreshes_failed_total", "Attempts to read certificates or revocation lists again that left the last good ones in force.", []string{"kind"}}
	exportFailed  = family{"jisr_traces_failed_total", "Batches of traces that the collector did not take.", nil}

	inFlight      = family{"jisr_calls_in_flight", "Calls in flight, by the agency of the agreement that made them.", []string{"agency"}}
	deliveries    = family{"jisr_deliveries", "Notifications that wait at a receiver or are leased to it.", []string{"agency", "state"}}
	keysReady     = family{"jisr_keyring_ready_keys", "Durable keys that no record uses yet.", nil}
	keysCached    = family{"jisr_keyring_cached_ciphers", "Keys held in memory.", nil}
	listIssued    = family{"jisr_revocation_this_update_timestamp_seconds", "When the oldest revocation list in force was issued.", nil}
	listEnds      = family{"jisr_revocation_next_update_timestamp_seconds", "When the first revocation list stops being fresh.", nil}
	certEnds      = family{"jisr_certificate_not_after_timestamp_seconds", "When the server's certificate expires.", nil}
	agreementInfo = family{"jisr_agreement_info", "The agreement in force.", []string{"agreement"}}
	buildInfo     = family{"jisr_build_info", "The program that runs.", []string{"version"}}
	storeBytes    = family{"jisr_store_bytes", "Size of the store's files, and what its volume has left.", []string{"kind"}}
	healthState   = family{"jisr_health", "1 while a part is well; 0 while it is not.", []string{"part"}}
	unread        = family{"jisr_readings_failed", "1 while a reading of the database could not be taken, so that its metric is missing.", nil}
)

var families = []family{
	calls, callTime, refusals, handshakes, cuts, incidents, rereads,
	entries, entryBatch, entryTime, commitTime, commitCalls, queueTime,
	termsMoved, termsFailed, termsTime, refreshFailed, exportFailed,
	inFlight, deliveries, keysReady, keysCached, listIssued, listEnds, certEnds, agreementInfo, buildInfo, storeBytes, healthState, unread,
}

// Families are the names of all metrics of our own, each with its labels.
func Families() map[string][]string {
	all := make(map[string][]string, len(families))
	for _, f := range families {
		all[f.name] = f.labels
	}
	return all
}

// Closed are the values that each label may take; agency's are of the agreement
// in force, and agreement and version have one value each.
func Closed() map[string][]string {
	return map[string][]string{
		"method": Methods(), "code": Codes(), "reason": slices.Concat(Reasons(), Handshakes(), Cuts()), "state": States(), "part": Parts,
		"kind": slices.Concat(Kinds(), Terms, Materials, Files),
	}
}

// Unknown stands for every method that the server does not have: a caller's text is no label.
const Unknown = "unknown"

// Closed sets of label values. agency is closed by the agreement in force;
// agreement and version have one value each.
var (
	// Parts are what health tells apart; "whole" is all of them.
	Parts = []string{"whole", "store", "log", "keyring", "revocation"}
	// Terms are the kinds of record that have one.
	Terms = []string{"consent", "order", "share"}
	// Materials are what is read again while the server runs.
	Materials = []string{"certificate", "revocation"}
	// Files are what the store's bytes are told of.
	Files = []string{"database", "wal", "free"}
	// Waiting are the states of a delivery that somebody has yet to act on.
	Waiting = []jisrv1.Delivery_State{jisrv1.Delivery_STATE_PENDING, jisrv1.Delivery_STATE_LEASED}
)

// Methods are the names of all that the server has, as the log writes them, and Unknown.
func Methods() []string {
	names := []string{Unknown}
	add := func(pkg protoreflect.FullName) {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				service := file.Services().Get(i)
				for j := range service.Methods().Len() {
					names = append(names, short(string(service.FullName())+"/"+string(service.Methods().Get(j).Name())))
				}
			}
			return true
		})
	}
	add("jisr.v1")
	add(grpc_health_v1.File_grpc_health_v1_health_proto.Package())
	add("grpc.reflection.v1")
	add("grpc.reflection.v1alpha")
	slices.Sort(names)
	return names
}

// Codes are the names of gRPC's codes.
func Codes() []string {
	var names []string
	for c := codes.OK; c <= codes.Unauthenticated; c++ {
		names = append(names, c.String())
	}
	return names
}

// Reasons are why calls are refused.
func Reasons() []string {
	var names []string
	for _, r := range fault.Reasons() {
		names = append(names, string(r))
	}
	return names
}

// Handshakes are why connections are refused.
func Handshakes() []string {
	var names []string
	for _, r := range identity.RefusalReasons() {
		names = append(names, string(r))
	}
	return names
}

// Cuts are why connections are cut.
func Cuts() []string {
	var names []string
	for _, r := range budget.Reasons() {
		names = append(names, string(r))
	}
	return names
}

// Kinds are the kinds of entries.
func Kinds() []string {
	var names []string
	for k := jisrv1.LogEntry_KIND_DISCLOSED; k <= jisrv1.LogEntry_KIND_AGREEMENT; k++ {
		names = append(names, kindName(k))
	}
	return names
}

// States are the names of Waiting.
func States() []string {
	var names []string
	for _, s := range Waiting {
		names = append(names, stateName(s))
	}
	return names
}
