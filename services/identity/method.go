package identity

import (
	"strings"

	"github.com/jisr-exchange/jisr/services/agreement"
)

// method is what the door knows about a method.
type method struct {
	// rpc is the name under which the agreement grants it.
	rpc string
	// open: every valid certificate may call it, whatever its role.
	open bool
	// bare: it touches no record, so it needs neither officer nor purpose, nor
	// one role where the certificate holds several.
	bare bool
}

const contract = "/jisr.v1."

// bareRPCs is closed: an rpc that is not on it needs an officer and a purpose.
var bareRPCs = map[string]bool{
	"AgreementService/WhoAmI":              true,
	"AgreementService/GetAgreement":        true,
	"AgreementService/GetDisclosureMatrix": true,
}

// methodOf finds what a full gRPC method name stands for; unknown ones are refused.
func methodOf(full string) (method, bool) {
	switch full {
	// Both versions by one grant: some clients know only v1alpha.
	case "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":
		return method{rpc: agreement.Reflection, bare: true}, true
	}
	if rpc, ok := strings.CutPrefix(full, "/grpc.health.v1.Health/"); ok {
		return method{rpc: rpc, open: true, bare: true}, rpc != "" && !strings.Contains(rpc, "/")
	}
	rpc, ok := strings.CutPrefix(full, contract)
	if !ok {
		return method{}, false
	}
	service, verb, ok := strings.Cut(rpc, "/")
	// No dot: else `/jisr.v1.grpc.reflection/…` would go by reflection's grant.
	if !ok || service == "" || verb == "" || strings.ContainsAny(verb, "/.") || strings.Contains(service, ".") {
		return method{}, false
	}
	return method{rpc: rpc, bare: service == "DirectoryService" || bareRPCs[rpc]}, true
}
