"""2-thread scaling: throughput of 2 python threads / throughput of 1 (2 cores). ~1 => GIL held, ~2 => released. Not pinned."""
import time,threading,statistics as st
from benchlib import record,summ
ERR={}
def work(fn,secs,out,i,ev):
    ev.wait(); n=0; t=time.perf_counter(); e=t+secs
    while time.perf_counter()<e:
        for _ in range(20):
            try: fn()
            except Exception as ex: ERR[type(ex).__name__+': '+str(ex)[:60]]=ERR.get(type(ex).__name__+': '+str(ex)[:60],0)+1
        n+=20
    out[i]=n/(time.perf_counter()-t)
def thr(fns,secs=0.5):
    out=[0]*len(fns); ev=threading.Event(); ts=[threading.Thread(target=work,args=(f,secs,out,i,ev)) for i,f in enumerate(fns)]
    [t.start() for t in ts]; ev.set(); [t.join() for t in ts]; return sum(out)
def scale(name,mk,group='threads'):
    ERR.clear(); f1,f2=mk(),mk(); r=[]
    for _ in range(5):
        a=thr([f1]); b=thr([f1,f2]); r.append((a,b,b/a))
    m=st.median(x[2] for x in r); record(group,name,summ([x[2] for x in r]),one=st.median(x[0] for x in r),two=st.median(x[1] for x in r),threads=[x[:2] for x in r])
    print(f"{name:52s} 1T {st.median(x[0] for x in r):9.0f}/s  2T {st.median(x[1] for x in r):9.0f}/s  x{m:.2f} [{min(x[2] for x in r):.2f}..{max(x[2] for x in r):.2f}] {'ERRORS '+str(ERR) if ERR else ''}",flush=True)
