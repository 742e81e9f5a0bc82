// Package lawpage writes the law as one page for people: who may read and who
// may tell which field, under which condition and why, in English and Arabic.
// The page needs no network, no server and, but for its filters, no script.
package lawpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the parts of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/jisr-exchange/jisr/services/agreement"
)

// The fonts are the reader's own; Vazirmatn is taken where it is installed. To
// carry two static weights of it along would add two thirds to the page's
// weight on the wire, and systems that are sold where it is read draw Arabic well.
var (
	//go:embed page.css
	style string
	//go:embed page.js
	script string
	//go:embed page.html
	layout string
)

var page = template.Must(template.New("page").Parse(layout))

// Write writes the page of a law over the contract that this program was built with.
func Write(w io.Writer, law *agreement.Law) error {
	v := newView(law)
	english, arabic := &Block{View: v, Lang: "en", Dir: "ltr"}, &Block{View: v, Lang: "ar", Dir: "rtl", words: arabicWords()}
	return write(w, v, english, arabic)
}

func write(w io.Writer, v *View, blocks ...*Block) error {
	css := style + fmt.Sprintf("@page{@bottom-left{content:\"jisr %s  SHA-256 %s\"}}\n", v.Edition, v.Hash)
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		//nolint:gosec // embedded above; the edition is a date and the hash is hex
		"Style": template.CSS(css),
		//nolint:gosec // embedded above
		"Script": template.JS(script),
		"Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; style-src '" + fingerprint(css) + "'; script-src '" + fingerprint(script) + "'",
		"Blocks": blocks,
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// fingerprint names a part of the page in its policy, so that nothing else is run or drawn.
func fingerprint(part string) string {
	sum := sha256.Sum256([]byte(part))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
