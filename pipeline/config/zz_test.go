package config
import ("testing";"strings";"time";"fmt")
func TestZZ(t *testing.T){
 big:=strings.Repeat("abc,def\n",100000)
 t0:=time.Now(); parseTable("t",[]byte("label,code\n"+big)); fmt.Println("table",time.Since(t0))
 var b strings.Builder
 for i:=0;i<7000;i++{ fmt.Fprintf(&b,"        label number %d: sexual\n",i)}
 text:=edit(t,base(t),"form: OFFENSE_SUBCAT_ID, value: ACTUAL_COUNT}","value: ACTUAL_COUNT}","    map: {unit: count, period: DATA_YEAR, place: STATE_ABBR, value","    map: {unit: count, period: DATA_YEAR, place: STATE_ABBR, value")
 text=strings.Replace(text,"    map: {unit: count, period: DATA_YEAR, place: STATE_ABBR, value: ACTUAL_COUNT}","    map:\n      unit: count\n      period: DATA_YEAR\n      place: STATE_ABBR\n      value: A\n      form:\n       column: B\n       codes:\n"+b.String(),1)
 fmt.Println(len(text))
 t0=time.Now(); _,_,err:=loadText(t,text,nil); fmt.Println("yaml",time.Since(t0)); if err!=nil{fmt.Println(err)}
 for _,s:=range []string{strings.Repeat("a: 1\n",50000),strings.Repeat("- a\n",60000), strings.Repeat(strings.Repeat("[a,",60)+strings.Repeat("]",60)+",\n",4000), "["+strings.Repeat("a,\n",80000)+"]", "{"+strings.Repeat("a: b,\n",40000)+"}",strings.Repeat("'",1<<17),strings.Repeat("\"\n",1<<16),strings.Repeat("&a ",2000),strings.Repeat("? ",4000),strings.Repeat("- ",4000),strings.Repeat(strings.Repeat("- ",4000)+"\n",30),strings.Repeat("#\n",1<<16),"a: |\n"+strings.Repeat(" b\n",1<<15),"a: b\n"+strings.Repeat(" b\n",1<<15), strings.Repeat("!a ",300000/9)+"\n", func()string{var b strings.Builder; for i:=0;i<1200;i++{b.WriteString(strings.Repeat(" ",i)+"a:\n")};return b.String()}()}{
 t0=time.Now(); _,_,err:=loadText(t,s,nil); fmt.Printf("%.20q %v %.100q\n",s,time.Since(t0),err.Error())
 }
}
