package matrix

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// cellOf finds a cell of the agreement to change.
func cellOf(msg *jisrv1.Agreement, class, role string) *jisrv1.ClassCell {
	for _, terms := range msg.GetClasses() {
		for _, c := range terms.GetCells() {
			if agreement.ClassName(terms.GetDataClass()) == class && agreement.RoleName(c.GetRole()) == role {
				return c
			}
		}
	}
	return nil
}

func rpcOf(msg *jisrv1.Agreement, name string) *jisrv1.RpcTerms {
	return msg.GetRpcs()[slices.IndexFunc(msg.GetRpcs(), func(r *jisrv1.RpcTerms) bool { return r.GetRpc() == name })]
}

func agencyOf(msg *jisrv1.Agreement, slug string) *jisrv1.AgencyTerms {
	return msg.GetAgencies()[slices.IndexFunc(msg.GetAgencies(), func(a *jisrv1.AgencyTerms) bool { return a.GetAgency() == slug })]
}

func referralOf(msg *jisrv1.Agreement, kind jisrv1.Referral_Kind) *jisrv1.ReferralTerms {
	return msg.GetReferrals()[slices.IndexFunc(msg.GetReferrals(), func(r *jisrv1.ReferralTerms) bool { return r.GetKind() == kind })]
}

func roleTerms(msg *jisrv1.Agreement, role jisrv1.Role) *jisrv1.RoleTerms {
	return msg.GetRoles()[slices.IndexFunc(msg.GetRoles(), func(r *jisrv1.RoleTerms) bool { return r.GetRole() == role })]
}

var always = []jisrv1.Condition{jisrv1.Condition_CONDITION_ALWAYS}

// widenings open something; each says who gains what.
var widenings = map[string]struct {
	change func(*jisrv1.Agreement)
	who    string
	text   string
}{
	"a cell is widened": {
		func(m *jisrv1.Agreement) { cellOf(m, "VICTIM_LOCATION", "asayish").SetRead(always) },
		"asayish", "asayish SEES MORE of VICTIM_LOCATION: was NEVER; is ALWAYS (Victim.location)",
	},
	"a class is opened that no field has yet": {
		func(m *jisrv1.Agreement) { cellOf(m, "VICTIM_STATEMENT", "health").SetRead(always) },
		"health", "health SEES MORE of VICTIM_STATEMENT: was NEVER; is ALWAYS (no field yet)",
	},
	"a role may tell more": {
		func(m *jisrv1.Agreement) { cellOf(m, "CASE_CORE", "asayish").SetWrite(always) },
		"asayish", "asayish TELLS MORE of CASE_CORE: was OWNER; is ALWAYS",
	},
	"a consent is dropped": {
		func(m *jisrv1.Agreement) { cellOf(m, "VICTIM_DISTRICT", "migration").SetConsent(false) },
		"migration", "migration SEES MORE of VICTIM_DISTRICT: was LINKED with consent; is LINKED",
	},
	"a purpose is added to a role": {
		func(m *jisrv1.Agreement) {
			r := roleTerms(m, jisrv1.Role_ROLE_HEALTH)
			r.SetPurposes(append(r.GetPurposes(), jisrv1.Purpose_PURPOSE_INVESTIGATION))
		},
		"health", "health SEES MORE: also for investigation, of ",
	},
	"a referral opens more": {
		func(m *jisrv1.Agreement) {
			r := referralOf(m, jisrv1.Referral_KIND_MEDICAL_EXAM)
			r.SetScope(append(r.GetScope(), jisrv1.DataClass_DATA_CLASS_COURT_ORDERS))
		},
		"health", "health SEES MORE: a referral of kind MEDICAL_EXAM opens also COURT_ORDERS",
	},
	"a referral needs less": {
		func(m *jisrv1.Agreement) { referralOf(m, jisrv1.Referral_KIND_SHELTER_PLACEMENT).SetOrder(0) },
		"ngo", "ngo SEES MORE: a referral of kind SHELTER_PLACEMENT no longer needs order SHELTER",
	},
	"a referral has another receiver": {
		func(m *jisrv1.Agreement) {
			r := referralOf(m, jisrv1.Referral_KIND_SHELTER_PLACEMENT)
			r.SetReceivers(append(r.GetReceivers(), jisrv1.Role_ROLE_MIGRATION))
		},
		"migration", "migration MAY RECEIVE a referral of kind SHELTER_PLACEMENT",
	},
	"a notification opens more": {
		func(m *jisrv1.Agreement) {
			for _, n := range m.GetNotifications() {
				if n.GetSubject() == jisrv1.Notification_SUBJECT_NEW_CASE {
					n.SetScope(append(n.GetScope(), jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH))
				}
			}
		},
		"health", "health SEES MORE: a notification of NEW_CASE opens also VICTIM_HEALTH",
	},
	"a role is given to an agency": {
		func(m *jisrv1.Agreement) {
			a := agencyOf(m, "mofa")
			a.SetRoles(append(a.GetRoles(), jisrv1.Role_ROLE_SOCIAL_AFFAIRS))
		},
		"agencies/mofa", "agencies/mofa HOLDS the role social_affairs and sees what that sees",
	},
	"an agency acts elsewhere": {
		func(m *jisrv1.Agreement) {
			a := agencyOf(m, "sjc-ninewa-inv")
			a.SetTerritories(append(a.GetTerritories(), "IQG01"))
		},
		"agencies/sjc-ninewa-inv", "agencies/sjc-ninewa-inv ACTS in IQG01",
	},
	"an rpc is granted": {
		func(m *jisrv1.Agreement) {
			r := rpcOf(m, "CaseService/GetCase")
			r.SetRoles(append(r.GetRoles(), jisrv1.Role_ROLE_OPERATIONS))
		},
		"operations", "operations MAY CALL CaseService/GetCase",
	},
	"a record is known by another link": {
		func(m *jisrv1.Agreement) {
			for _, r := range m.GetRecords() {
				for _, c := range r.GetCells() {
					if r.GetRecord() == "Victim" && c.GetRole() == jisrv1.Role_ROLE_COMMUNITY_POLICE {
						c.SetLinks(append(c.GetLinks(), jisrv1.Link_LINK_PARTICIPANT))
					}
				}
			}
		},
		"community_police", "community_police KNOWS MORE: that a Victim exists, by PARTICIPANT",
	},
	"a monitor loses its pseudonyms": {
		func(m *jisrv1.Agreement) { roleTerms(m, jisrv1.Role_ROLE_HUMAN_RIGHTS).SetPseudonymous(false) },
		"human_rights", "human_rights sees records under their names",
	},
}

func TestWhoeverSeesMoreIsNamed(t *testing.T) {
	before := shipped(t, nil)
	for name, w := range widenings {
		after := shipped(t, w.change)
		changes := Compare(before, after)
		if !slices.ContainsFunc(changes, func(c Change) bool {
			return c.Effect == More && c.Who == w.who && strings.Contains(c.Text, w.text)
		}) {
			t.Errorf("%s: %q is not among\n%s", name, w.text, texts(changes))
		}
		// The way back is the control: whoever gained loses, and nobody sees more.
		if back := Compare(after, before); SeesMore(back) || len(back) == 0 {
			t.Errorf("%s, taken back: %s", name, texts(back))
		}
		// So the golden sheet fails with the same words.
		if said := complaints(t, printed(t, before), printed(t, after)); !strings.Contains(strings.Join(said, "\n"), "more: ") {
			t.Errorf("%s passes the golden sheet: %q", name, said)
		}
	}
	if same := Compare(before, shipped(t, nil)); len(same) != 0 {
		t.Errorf("nothing changed, and yet %s", texts(same))
	}
}

func TestAPurposeThatReachesFurtherShowsWhoSeesIt(t *testing.T) {
	narrow := shipped(t, func(m *jisrv1.Agreement) {
		for _, p := range m.GetPurposes() {
			if p.GetPurpose() == jisrv1.Purpose_PURPOSE_STATISTICS {
				p.SetClasses(slices.DeleteFunc(p.GetClasses(), func(c jisrv1.DataClass) bool { return c == jisrv1.DataClass_DATA_CLASS_CASE_CORE }))
			}
		}
	})
	said := texts(Compare(narrow, shipped(t, nil)))
	if want := "more: committee SEES MORE: also for statistics, of Case.crime_type, Case.governorate"; !strings.Contains(said, want) {
		t.Errorf("%q is not among\n%s", want, said)
	}
	if back := Compare(shipped(t, nil), narrow); SeesMore(back) || len(back) == 0 {
		t.Errorf("taken back: %s", texts(back))
	}
}

func TestADifferenceWithoutEffectIsSaidAllTheSame(t *testing.T) {
	before := shipped(t, nil)
	for name, change := range map[string]func(*jisrv1.Agreement){
		"a referral opens what its receiver never reads": func(m *jisrv1.Agreement) {
			r := referralOf(m, jisrv1.Referral_KIND_MEDICAL_EXAM)
			r.SetScope(append(r.GetScope(), jisrv1.DataClass_DATA_CLASS_INVESTIGATION_PLAN))
		},
		"another reason": func(m *jisrv1.Agreement) { cellOf(m, "VICTIM_LOCATION", "asayish").SetReasons([]int32{3}) },
	} {
		changes := Compare(before, shipped(t, change))
		if len(changes) == 0 || SeesMore(changes) {
			t.Errorf("%s: %q", name, texts(changes))
		}
	}
}

func texts(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString("  " + string(c.Effect) + ": " + c.Text + "\n")
	}
	return b.String()
}

// formerContract is the contract with one thing changed, as somebody would keep it: an encoded set.
func formerContract(t *testing.T, change func(*descriptorpb.DescriptorProto)) Contract {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		fd := protodesc.ToFileDescriptorProto(f)
		for _, m := range fd.GetMessageType() {
			if fd.GetPackage() == contractPackage {
				change(m)
			}
		}
		set.File = append(set.File, fd)
		return true
	})
	encoded, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadContract(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func lawNow(t *testing.T, c Contract) Sheet {
	t.Helper()
	s := shipped(t, nil)
	s = slices.DeleteFunc(s, func(l Line) bool { return l.Kind == kindField })
	for _, f := range c {
		s = append(s, Line{kindField, f.Path, []string{agreement.ClassName(f.Class)}})
	}
	return s
}

func TestAFieldThatMovedClassShowsWhoSeesIt(t *testing.T) {
	former := lawNow(t, formerContract(t, func(m *descriptorpb.DescriptorProto) {
		for _, f := range m.GetField() {
			if m.GetName() == "Victim" && f.GetName() == "documents" {
				proto.SetExtension(f.GetOptions(), jisrv1.E_DataClass, jisrv1.DataClass_DATA_CLASS_VICTIM_HEALTH)
			}
		}
	}))
	changes := Compare(former, shipped(t, nil))
	said := texts(changes)
	for _, want := range []string{
		"more: counter_trafficking SEES MORE: Victim.documents, moved from VICTIM_HEALTH (NEVER) to VICTIM_DOCUMENTS (",
		"less: health tells less: Victim.documents, moved from VICTIM_HEALTH (LINKED) to VICTIM_DOCUMENTS (NEVER)",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not among\n%s", want, said)
		}
	}
}

func TestANewFieldShowsWhoSeesIt(t *testing.T) {
	former := lawNow(t, formerContract(t, func(m *descriptorpb.DescriptorProto) {
		if m.GetName() == "VictimLocation" {
			m.Field = slices.DeleteFunc(m.Field, func(f *descriptorpb.FieldDescriptorProto) bool { return f.GetName() == "phone" })
		}
	}))
	said := texts(Compare(former, shipped(t, nil)))
	if want := "more: investigating_judge SEES MORE: Victim.location.phone, new in VICTIM_LOCATION ("; !strings.Contains(said, want) {
		t.Errorf("%q is not among\n%s", want, said)
	}
	if strings.Contains(said, "asayish") {
		t.Errorf("who reads none of the class sees nothing new:\n%s", said)
	}
	if unchanged := Compare(lawNow(t, formerContract(t, func(*descriptorpb.DescriptorProto) {})), shipped(t, nil)); len(unchanged) != 0 {
		t.Errorf("the contract of today, read back: %s", texts(unchanged))
	}
}

func TestWhatIsNoContractIsRefused(t *testing.T) {
	empty, err := proto.Marshal(&descriptorpb.FileDescriptorSet{})
	if err != nil {
		t.Fatal(err)
	}
	for _, encoded := range [][]byte{empty, []byte("not a set"), {0xff}} {
		if _, err := ReadContract(encoded); err == nil {
			t.Errorf("%q was taken for a contract", encoded)
		}
	}
}

// A former agreement knows nothing of what came later: that was denied, and is no gap.
func TestWhatAFormerAgreementDoesNotNameWasDenied(t *testing.T) {
	text := string(mustText(t, func(m *jisrv1.Agreement) {
		m.SetClasses(m.GetClasses()[:len(m.GetClasses())-1])
		m.SetRpcs(m.GetRpcs()[1:])
	}))
	if _, err := agreement.Parse([]byte(text)); err == nil {
		t.Fatal("the exchange would start on a gap")
	}
	former, err := agreement.ParseFormer([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	said := texts(Compare(NewSheet(former, Current()), shipped(t, nil)))
	for _, want := range []string{"SEES MORE of CASE_PERSONS: was NEVER", "MAY CALL"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not among\n%s", want, said)
		}
	}
	if _, err := agreement.ParseFormer([]byte(strings.Replace(text, "IQG08", "Baghdad", 1))); err == nil {
		t.Error("a former agreement is held to everything but gaps")
	}
}
