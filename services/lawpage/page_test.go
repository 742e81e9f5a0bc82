package lawpage

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/jisr-exchange/jisr"
	"github.com/jisr-exchange/jisr/gen/jisr/sentences"
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/matrix"
)

func shipped(t *testing.T) *agreement.Law {
	t.Helper()
	law, err := agreement.Parse(jisr.Agreement)
	if err != nil {
		t.Fatal(err)
	}
	return law
}

// parsed is the page, and its two languages by id.
func parsed(t *testing.T) (text string, blocks map[string]*html.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, shipped(t)); err != nil {
		t.Fatal(err)
	}
	text = b.String()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	blocks = make(map[string]*html.Node)
	for n := range doc.Descendants() {
		if attr(n, "class") == "law" {
			blocks[attr(n, "id")] = n
		}
	}
	return text, blocks
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func find(n *html.Node, is func(*html.Node) bool) []*html.Node {
	var list []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && is(d) {
			list = append(list, d)
		}
	}
	return list
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func TestThePageSaysEachCellWithItsReasons(t *testing.T) {
	law := shipped(t)
	_, blocks := parsed(t)
	for lang, block := range blocks {
		words := &Block{View: newView(law), Lang: lang}
		if lang == "ar" {
			words.words = arabicWords()
		}
		articles := find(block, func(n *html.Node) bool { return n.Data == "article" })
		cells := 0
		for i, article := range articles {
			class := jisrv1.DataClass(i + 1)
			for _, body := range find(article, func(n *html.Node) bool { return n.Data == "tbody" }) {
				says := find(body, func(n *html.Node) bool { return attr(n, "class") == "says" })
				head, shared := textOf(says[0]), ""
				if len(says) > 1 {
					shared = textOf(says[1])
				}
				for _, row := range find(body, func(n *html.Node) bool { return n.Data == "tr" && attr(n, "class") == "" }) {
					for _, span := range find(row, func(n *html.Node) bool { return attr(n, "data-r") != "" }) {
						role := words.Roles[slices.IndexFunc(words.Roles, func(r Role) bool { return words.Plain(r.Title) == textOf(span) })]
						cell := law.Cell(roleValue(role.Name), class)
						cells++
						said, _ := inWords(cell.Read)
						for _, condition := range said {
							if !strings.Contains(head, words.Plain(condition)) {
								t.Errorf("%s, %v, %s: %q does not say %q", lang, class, role.Name, head, condition)
							}
						}
						if asks := strings.Contains(head, words.Plain("and only with the person's consent")); asks != cell.Consent {
							t.Errorf("%s, %v, %s: consent is %v, the page says %v", lang, class, role.Name, cell.Consent, asks)
						}
						for _, code := range cell.Reasons {
							reason, _ := law.Reason(code)
							if !strings.Contains(shared+textOf(row), words.Plain(reason)) {
								t.Errorf("%s, %v, %s: reason %d is not said", lang, class, role.Name, code)
							}
						}
					}
				}
			}
		}
		if want := len(words.Roles) * len(words.Classes); cells != want {
			t.Errorf("%s: %d cells, want %d", lang, cells, want)
		}
		for _, f := range matrix.Current() {
			name := f.Path[strings.LastIndex(f.Path, ".")+1:]
			if f.Stored && !strings.Contains(textOf(articles[f.Class-1]), name) {
				t.Errorf("%s: %s is not under its class", lang, f.Path)
			}
		}
	}
}

func TestThePageNamesTheAgreementThatItShows(t *testing.T) {
	text, _ := parsed(t)
	law := shipped(t)
	for _, want := range []string{law.Hash(), "22 November 2026", "22 تشرين الثاني 2026"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
}

// Everything that the page says in English it says in Arabic, and no translation outlived its sentence.
func TestThePageIsWhollyInArabic(t *testing.T) {
	v := newView(shipped(t))
	// What another agreement could make it say: every kind of order, and a role that nobody holds.
	v.Roles[0].Agencies = nil
	for kind := jisrv1.Order_Kind(1); int(kind) < len(jisrv1.Order_Kind_name); kind++ {
		v.Referrals = append(v.Referrals, Referral{Order: sentenceOf("Order." + kind.String())})
	}
	b := &Block{View: v, Lang: "ar", Dir: "rtl", words: arabicWords(), missed: make(map[string]bool), used: make(map[string]bool)}
	if err := write(new(bytes.Buffer), v, b); err != nil {
		t.Fatal(err)
	}
	for _, text := range slices.Sorted(maps.Keys(b.missed)) {
		t.Errorf("words_ar.txt has no Arabic for %q", text)
	}
	for _, text := range slices.Sorted(maps.Keys(b.words)) {
		if !b.used[text] {
			t.Errorf("words_ar.txt has Arabic for what the page does not say: %q", text)
		}
		if codes := strings.Count(text, "`"); codes%2 != 0 || strings.Count(b.words[text], "`")%2 != 0 {
			t.Errorf("a backtick is left open: %q", text)
		}
	}
}

// The control: what has no Arabic is marked as English, for whoever listens to the page.
func TestWhatHasNoArabicIsMarkedAsEnglish(t *testing.T) {
	b := &Block{Lang: "ar", words: map[string]string{"known": "معروف"}}
	if got, want := string(b.T("a <new> `Case.x`")), `<span lang="en" dir="ltr">a &lt;new&gt; <code dir="ltr">Case.x</code></span>`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(b.T("known")); got != "معروف" {
		t.Error(got)
	}
}

// What the agreement says is text on the page, whatever it says.
func TestThePageTakesNothingForMarkup(t *testing.T) {
	hostile := bytes.Replace(jisr.Agreement, []byte(`title: "Data-sharing`), []byte(`title: "</title><script>alert(1)</script>Data-sharing`), 1)
	law, err := agreement.Parse(hostile)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, law); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>alert") {
		t.Error("the agreement's text became a script")
	}
}

// The page asks nobody for anything: no address in it but its own parts.
func TestThePageAsksNobodyForAnything(t *testing.T) {
	text, _ := parsed(t)
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]bool)
	for _, n := range find(doc, func(n *html.Node) bool { return attr(n, "id") != "" }) {
		if ids[attr(n, "id")] {
			t.Errorf("the id %s is there twice", attr(n, "id"))
		}
		ids[attr(n, "id")] = true
	}
	for _, n := range find(doc, func(*html.Node) bool { return true }) {
		if attr(n, "src") != "" || n.Data == "link" || n.Data == "img" || n.Data == "iframe" {
			t.Errorf("<%s> fetches something", n.Data)
		}
		if href := attr(n, "href"); href != "" && !ids[strings.TrimPrefix(href, "#")] {
			t.Errorf("%s leads nowhere on this page", href)
		}
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style fetches something")
	}
}

// What the contract calls a field, a class or a role, it says in a sentence, and the sentence came along.
func TestEveryNameOnThePageHasItsSentence(t *testing.T) {
	for _, f := range matrix.Current() {
		if sentences.Of(string(f.Desc.FullName())) == "" {
			t.Errorf("%s has no sentence; is gen/ what proto/ generates?", f.Path)
		}
	}
	v := newView(shipped(t))
	for _, c := range v.Classes {
		if c.Sentence == "" {
			t.Errorf("class %s has no sentence", c.Name)
		}
	}
	for _, r := range v.Roles {
		if r.Sentence == "" {
			t.Errorf("role %s has no sentence", r.Name)
		}
	}
}
