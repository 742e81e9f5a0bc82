// Command jisr-errors holds the server's code to its closed catalogue of errors:
// what crosses to an agency is made in services/fault, where it has a reason, a
// text in each language and what to do. `go vet -vettool` runs it for `make lint`.
package main

import "golang.org/x/tools/go/analysis/unitchecker"

func main() { unitchecker.Main(analyzer) }
