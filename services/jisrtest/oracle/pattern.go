package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp/syntax"
	"strings"
)

// chance is a stream of numbers that looks random and is the same for the same seed and path.
type chance struct {
	key   [sha256.Size]byte
	drawn uint64
}

func newChance(seed, path string) *chance {
	return &chance{key: sha256.Sum256([]byte(seed + "\x00" + path))}
}

func (c *chance) draw() uint64 {
	c.drawn++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(c.key[:], c.drawn))
	return binary.BigEndian.Uint64(sum[:])
}

// below returns a number from 0 to n-1.
func (c *chance) below(n int) int { return int(c.draw() % uint64(n)) }

// hex returns n hexadecimal digits, at most 16.
func (c *chance) hex(n int) string {
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, c.draw()))[:n]
}

// spare is how many repetitions beyond the least a pattern gets, where it allows them: enough to be unlike any other.
const spare = 24

// matching returns a string that the pattern matches, as long and unlikely as it allows within reason.
func matching(pattern string, c *chance) (string, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := write(&b, re, c); err != nil {
		return "", err
	}
	return b.String(), nil
}

func write(b *strings.Builder, re *syntax.Regexp, c *chance) error {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText:
		return nil
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
		return nil
	case syntax.OpCharClass:
		b.WriteRune(oneOf(re.Rune, c))
		return nil
	case syntax.OpCapture:
		return write(b, re.Sub[0], c)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if err := write(b, sub, c); err != nil {
				return err
			}
		}
		return nil
	case syntax.OpAlternate:
		return write(b, re.Sub[c.below(len(re.Sub))], c)
	case syntax.OpQuest:
		return write(b, re.Sub[0], c)
	case syntax.OpStar, syntax.OpPlus:
		return repeat(b, re.Sub[0], spare, c)
	case syntax.OpRepeat:
		n := re.Min + spare
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		return repeat(b, re.Sub[0], n, c)
	default:
		return fmt.Errorf("pattern %s: no string for %s", re, re.Op)
	}
}

func repeat(b *strings.Builder, re *syntax.Regexp, n int, c *chance) error {
	for range n {
		if err := write(b, re, c); err != nil {
			return err
		}
	}
	return nil
}

// oneOf picks a rune from a class, which is a list of ranges.
func oneOf(ranges []rune, c *chance) rune {
	size := 0
	for i := 0; i < len(ranges); i += 2 {
		size += int(ranges[i+1]-ranges[i]) + 1
	}
	pick := c.below(size)
	for i := 0; i < len(ranges); i += 2 {
		width := int(ranges[i+1]-ranges[i]) + 1
		if pick < width {
			return ranges[i] + rune(pick)
		}
		pick -= width
	}
	return ranges[0]
}
