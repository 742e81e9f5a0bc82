// Command protodeps writes the third-party .proto files that our schema
// imports: google/api, google/rpc, google/type and buf/validate.
//
// The files are printed from the descriptors inside the Go packages that the
// server links, so the schema that buf reads and the code that runs are of one
// version, and no copy of somebody else's file lies in the repository. The
// command imports nothing that is generated: it has to run before anything is.
//
// It is a module of its own so that the printer stays out of the server's
// dependencies; a test holds its versions to those of the server's go.mod.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	// Each import links descriptors. A .proto file that buf cannot find is
	// mended by importing its Go package here.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/genproto/googleapis/type/date"
	_ "google.golang.org/genproto/googleapis/type/datetime"
	_ "google.golang.org/genproto/googleapis/type/interval"
	_ "google.golang.org/genproto/googleapis/type/latlng"
	_ "google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "protodeps:", err)
		}
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("protodeps", flag.ContinueOnError)
	out := flags.String("o", ".proto-deps", "folder to write to; other .proto files in it are removed")
	contract := flags.String("plain", "", "folder of a contract to write without its options, in place of what it imports")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *contract == "" {
		return write(*out, thirdParty())
	}
	files, err := plain(context.Background(), *contract)
	if err != nil {
		return err
	}
	return write(*out, files)
}

// thirdParty lists the linked files that our schema may import, by path.
// google/protobuf is left out because buf brings it along.
func thirdParty() []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(fd.Path(), "google/protobuf/") {
			files = append(files, fd)
		}
		return true
	})
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int {
		return strings.Compare(a.Path(), b.Path())
	})
	return files
}
