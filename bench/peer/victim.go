package peer

import (
	"fmt"
	"math/rand/v2"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// tongue is what a person's record is written in. Its words are of things, each
// with its transliteration: whatever is put together from them is nobody.
type tongue struct {
	language string
	words    []string // each followed by its transliteration
}

var arabic = tongue{"ar", strings.Fields(`نهر nahr حجر hajar أرز arz فانوس fanus مرج marj ميناء mina نحاس nuhas بستان bustan
	نافذة nafidha سلم sullam سلة salla خيط khayt سرج sarj حديقة hadiqa شعير shair بوصلة bawsala ريشة risha إبريق ibriq
	رخام rukham صفصاف safsaf مرساة mirsat جسر jisr قماش qumash دلفين dulfin جمرة jamra غرانيت gharanit جزيرة jazira تين tin`)}

var sorani = tongue{"ckb", strings.Fields(`ڕووبار rûbar بەرد berd بەڕوو berrû فانۆس fanos مێرگ mêrg بەندەر bender مس mis باخ bax
	پەنجەرە pencere پەیژە peyje سەبەتە sebete دەزوو dezû زین zîn باخچە baxçe جۆ co پەڕ perr کتری kitrî مەڕمەڕ mermer
	لەنگەر lenger پرد pird چادر çadir دۆلفین dolfîn ئاگر agir گرانیت granît چاڵ çal دوورگە dûrge هەنجیر hencîr`)}

// What stands in lists is of closed ones: age bands and relations of CTDC, countries
// of ISO 3166, methods of HTCDS, measures such as are asked for under Law 58 of 2017.
var (
	bands     = strings.Fields("9-17 9-17 18-20 21-23 24-26 27-29 30-38 30-38 39-47 48+")
	countries = strings.Fields("ETH BGD PHL SYR IRQ IRQ UGA LKA")
	controls  = strings.Fields("WithholdsDocuments TakesEarnings DebtBondage RestrictsMovement PhysicalThreats ThreatsLawEnforcement FalsePromises ExcessiveWorkingHours PsychologicalAbuse WithholdsNecessities")
	relations = strings.Fields("Other Other Friend Family IntimatePartner")
	sectors   = []string{"العمل المنزلي", "البناء", "الضيافة", "التصنيع", "الزراعة"}
	measures  = []string{"تغيير رقم الهاتف", "حماية المسكن", "إخفاء الهوية في المحاضر", "المرافقة إلى المحكمة", "الاستماع عبر وسائل إلكترونية", "منع الاتصال بالمتهم"}
	forms     = []jisrv1.ExploitationForm{
		jisrv1.ExploitationForm_EXPLOITATION_FORM_FORCED_LABOUR, jisrv1.ExploitationForm_EXPLOITATION_FORM_SEXUAL_EXPLOITATION,
		jisrv1.ExploitationForm_EXPLOITATION_FORM_SERVITUDE, jisrv1.ExploitationForm_EXPLOITATION_FORM_FORCED_BEGGING,
	}
)

// officer fills in records. Of the same number it fills in the same one, so that
// every side has the same records and not only such as are alike.
type officer struct {
	*rand.Rand
	tongue
}

func newOfficer(n int) officer {
	o := officer{rand.New(rand.NewPCG(uint64(n), 0)), arabic} //nolint:gosec // chance is enough for made-up persons, and comes again
	if n%4 == 3 {
		o.tongue = sorani
	}
	return o
}

// some draws so many of a list, in its order.
func some[T any](o officer, n int, of []T) []T {
	drawn := make([]T, 0, n)
	for i, one := range of {
		if o.IntN(len(of)-i) < n-len(drawn) {
			drawn = append(drawn, one)
		}
	}
	return drawn
}

func one[T any](o officer, of []T) T { return of[o.IntN(len(of))] }

// born is a month in which somebody of that band was born.
func (o officer) born(band string) string {
	var least int
	if _, err := fmt.Sscan(strings.FieldsFunc(band, func(r rune) bool { return r < '0' || r > '9' })[0], &least); err != nil {
		return "" // not stated
	}
	return fmt.Sprintf("%d-%02d", 2025-least-o.IntN(2), 1+o.IntN(12))
}

// text is free text of up to so many bytes, whole words and some sentences.
func (o officer) text(bytes int) string {
	var b strings.Builder
	for {
		w := o.words[2*o.IntN(len(o.words)/2)]
		if b.Len()+len(w)+2 > bytes {
			return b.String()
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		if o.IntN(9) == 0 {
			b.WriteString("،")
		}
	}
}

// name is a name of four parts, as civil records have them, in both scripts.
func (o officer) name() *jisrv1.PersonName {
	var parts, latin []string
	for range 4 {
		at := 2 * o.IntN(len(o.words)/2)
		parts, latin = append(parts, o.words[at]), append(latin, o.words[at+1])
	}
	return jisrv1.PersonName_builder{Original: strings.Join(parts, " "), Transliteration: strings.Join(latin, " "), Language: o.language}.Build()
}

// phone is a number under a country code that no country has.
func (o officer) phone() string { return fmt.Sprintf("+999%09d", o.IntN(1e9)) }

// number is that of a document of no country.
func (o officer) number() string { return fmt.Sprintf("ZZ%08d", o.IntN(1e8)) }

// anyone is the number of some victim.
func anyone() int { return rand.IntN(1e6) } //nolint:gosec // chance is enough

// NewVictim is the n-th of the invented victims: twelve sections of about 150
// bytes, six of which the prosecutor reads, filled in as an officer does whose
// case has come to a judge: short answers, names of lists and free text, most of
// it of two bytes a letter. The other six are hidden times as long, up to what the
// contract allows, which is some 22 kB in all.
func NewVictim(n, hidden int) *jisrv1.Victim {
	o := newOfficer(n)
	band := one(o, bands)
	sex, minor, country, level := jisrv1.Sex_SEX_FEMALE, jisrv1.Answer_ANSWER_NO, one(o, countries), jisrv1.RiskLevel(2+o.IntN(3))
	if o.IntN(4) == 0 {
		sex = jisrv1.Sex_SEX_MALE
	}
	if band == bands[0] {
		minor = jisrv1.Answer_ANSWER_YES
	}
	languages := []string{o.language}
	if o.IntN(2) == 0 {
		languages = append(languages, "en")
	}
	inForce := some(o, 1+o.IntN(3), measures)
	return jisrv1.Victim_builder{
		PersonRole: jisrv1.Victim_PERSON_ROLE_VICTIM,
		Profile: jisrv1.VictimProfile_builder{
			Sex: sex, AgeBand: band, Minor: minor, Languages: languages, InterpreterNeeded: jisrv1.Answer_ANSWER_YES,
			ExploitationForms: some(o, 1+o.IntN(2), forms), Sectors: some(o, 1+o.IntN(2), sectors),
		}.Build(),
		Nationality: jisrv1.VictimNationality_builder{Countries: []string{country}, Stateless: jisrv1.Answer_ANSWER_NO}.Build(),
		Identity: jisrv1.VictimIdentity_builder{
			FullName: o.name(), MotherName: o.name(), BirthDate: o.born(band), BirthPlace: o.text(30),
		}.Build(),
		Documents: jisrv1.VictimDocuments_builder{
			PassportNumber: o.number(), PermitNumber: o.number(), CivilNumber: o.number(), WithheldByAnother: jisrv1.Answer_ANSWER_YES,
		}.Build(),
		Protection: jisrv1.ProtectionMeasures_builder{Level: level, InForce: inForce, Requested: some(o, 1+o.IntN(2), measures)}.Build(),
		Screening: jisrv1.VictimScreening_builder{
			MethodsOfControl: some(o, 3+o.IntN(3), controls), RecruiterRelations: []string{one(o, relations)}, Note: o.text(370),
		}.Build(),

		Location: jisrv1.VictimLocation_builder{
			Address: o.text(min(90*hidden, 1000)), Shelter: o.text(min(40*hidden, 300)), Phone: o.phone(), Approach: o.text(min(150*hidden, 2000)),
		}.Build(),
		District:    jisrv1.VictimDistrict_builder{District: "IQG08Q02"}.Build(),
		Liaison:     jisrv1.LiaisonContact_builder{Desk: o.text(60), Phone: o.phone(), Hours: "08:00-15:00"}.Build(),
		Risk:        jisrv1.VictimRisk_builder{Level: level, Assessment: o.text(min(220*hidden, 15000))}.Build(),
		Immigration: jisrv1.VictimImmigration_builder{Status: o.text(40), Entry: o.text(min(110*hidden, 2000)), ProtectionClaim: o.text(min(60*hidden, 2000))}.Build(),
		ReturnRisk:  jisrv1.ReturnRisk_builder{AtRisk: jisrv1.Answer_ANSWER_YES}.Build(),
	}.Build()
}
