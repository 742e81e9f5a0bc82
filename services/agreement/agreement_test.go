package agreement

import ("testing";"os";"time")
func TestTmp(t *testing.T){
 b,_:=os.ReadFile("../../agreement.txtpb")
 s:=time.Now()
 l,err:=Parse(b)
 t.Log(time.Since(s),len(b))
 if err!=nil{t.Fatal(err)}
 WriteMatrix(os.Stdout,Matrix(l))
}
