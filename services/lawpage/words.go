package lawpage

import (
	_ "embed" // for the words below
	"html/template"
	"strings"
	"time"
)

// words_ar.txt holds an English sentence a line, and below it, indented, the
// same in Arabic. It is keyed by the sentence itself, so that one that changes
// in the contract or the agreement loses its translation instead of keeping a wrong one.
//
//go:embed words_ar.txt
var arabicText string

func arabicWords() map[string]string {
	words := make(map[string]string)
	var english string
	for line := range strings.Lines(arabicText) {
		line = strings.TrimRight(line, "\n")
		if arabic, ok := strings.CutPrefix(line, "  "); ok {
			words[english] = arabic
		} else if line != "" && !strings.HasPrefix(line, "#") {
			english = line
		}
	}
	return words
}

// Block is the page in one language.
type Block struct {
	*View
	// Lang and Dir are the language's.
	Lang, Dir string

	words  map[string]string // nil: English
	missed map[string]bool   // what had no translation
	used   map[string]bool
}

// Plain translates a text for an attribute or a list.
func (b *Block) Plain(english string) string {
	said, _ := b.translate(english)
	return said
}

// T translates a text. What has no translation stays English and says so to
// screen readers. Words between backticks are the contract's own.
func (b *Block) T(english string) template.HTML {
	said, ok := b.translate(english)
	parts := strings.Split(said, "`")
	var h strings.Builder
	for i, part := range parts {
		if part = template.HTMLEscapeString(part); i%2 == 1 && i < len(parts)-1 {
			part = `<code dir="ltr">` + part + "</code>"
		}
		h.WriteString(part)
	}
	text := h.String()
	if !ok {
		text = `<span lang="en" dir="ltr">` + text + "</span>"
	}
	return template.HTML(text) //nolint:gosec // escaped above, part by part
}

func (b *Block) translate(english string) (string, bool) {
	if b.words == nil || english == "" {
		return english, true
	}
	said, ok := b.words[english]
	if b.used != nil {
		b.used[english] = true
	}
	if !ok {
		if b.missed != nil {
			b.missed[english] = true
		}
		return english, false
	}
	return said, true
}

// Months of the Iraqi calendar; golang.org/x/text and ICU give those of Egypt.
var months = [...]string{
	"كانون الثاني", "شباط", "آذار", "نيسان", "أيار", "حزيران",
	"تموز", "آب", "أيلول", "تشرين الأول", "تشرين الثاني", "كانون الأول",
}

// Date writes the edition's date.
func (b *Block) Date() string {
	day, err := time.Parse(time.DateOnly, b.Edition)
	if err != nil {
		return b.Edition
	}
	if b.Lang == "ar" {
		return day.Format("2 ") + months[day.Month()-1] + day.Format(" 2006")
	}
	return day.Format("2 January 2006")
}

// AgencyName names an agency in the block's language.
func (b *Block) AgencyName(a Agency) string {
	if b.Lang == "ar" {
		return a.Arabic
	}
	return a.English
}

// BlockField is a field with the language to show it in.
type BlockField struct {
	Block *Block
	Field Field
}

// Field pairs a field with the block, for the template that both languages share.
func (b *Block) Field(f Field) BlockField { return BlockField{b, f} }

// List writes a list of texts.
func (b *Block) List(list []string) template.HTML {
	said := make([]string, len(list))
	for i, text := range list {
		said[i] = string(b.T(text))
	}
	return template.HTML(strings.Join(said, template.HTMLEscapeString(b.Plain(", ")))) //nolint:gosec // each escaped by T
}

// Join writes a cell's letters. Arabic ones would join into words, so a space keeps them apart.
func (b *Block) Join(letters []string) string {
	said := make([]string, len(letters))
	for i, letter := range letters {
		said[i] = b.Plain(letter)
	}
	if b.Lang == "ar" {
		return strings.Join(said, " ")
	}
	return strings.Join(said, "")
}

// Mark is a decision as the chart shows it.
func (b *Block) Mark(d Decision) string {
	mark := b.Join(d.Letters)
	if d.Consent {
		mark += "+"
	}
	return mark
}
