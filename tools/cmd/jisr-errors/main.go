// Command jisr-errors holds the server's code to its closed catalogue of errors:
// what crosses to an agency is made in services/fault, where it has a reason, a
// text in each language and what to do. `make lint` runs it on all packages at once:
// as a tool of `go vet` it would be started anew for each, also of those it skips.
package main

import "golang.org/x/tools/go/analysis/singlechecker"

func main() { singlechecker.Main(analyzer) }
