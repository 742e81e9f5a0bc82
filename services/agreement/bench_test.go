package agreement
import ("testing";"os")
func BenchmarkParse(b *testing.B){
 t,_:=os.ReadFile("../../agreement.txtpb")
 b.ReportAllocs()
 for b.Loop(){ if _,err:=Parse(t);err!=nil{b.Fatal(err)}}
}
