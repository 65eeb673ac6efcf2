#!/bin/bash
# A Slurm of this one machine, for `make engines`: slurm.sh start FOLDER, slurm.sh stop FOLDER. It ends with whoever
# started it, however that ends.
# Needs Debian's slurm-wlm and munge, and root: apt-get install slurm-wlm munge
set -e
folder=$(realpath -m "$2")
conf=$folder/slurm.conf
case $1 in
start)
  mkdir -p "$folder/state" "$folder/spool" "$folder/munge"
  chmod 755 "$folder" && chmod 711 "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none && chmod 400 "$folder/munge/key"
  chown -R munge "$folder/munge" 2>/dev/null || true
  su munge -s /bin/bash -c "munged --force --key-file '$folder/munge/key' --socket '$folder/munge/socket' \
    --pid-file '$folder/munge/pid' --log-file '$folder/munge/log' --seed-file '$folder/munge/seed'"
  name=$(hostname -s)
  cat > "$conf" <<CONF
ClusterName=lehr
SlurmctldHost=$name(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
NodeName=$name NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  # submitit asks sacct what became of a job, which needs a database: the controller knows it too
  mkdir -p "$folder/bin"
  cat > "$folder/bin/sacct" <<'SACCT'
#!/bin/bash
echo 'JobID|State|NodeList|'
scontrol --oneliner show jobs | grep -o 'JobId=[^ ]*\|ArrayJobId=[^ ]*\|ArrayTaskId=[^ ]*\|JobState=[^ ]*' | awk -F= '
  function say() { if (id != "") print (array == "" ? id : array "_" task) "|" state "|here|" }
  $1 == "JobId" { say(); id = $2; array = ""; task = "" }
  $1 == "ArrayJobId" { array = $2 } $1 == "ArrayTaskId" { task = $2 } $1 == "JobState" { state = $2 }
  END { say() }'
SACCT
  chmod +x "$folder/bin/sacct"
  slurmctld -f "$conf"
  slurmd -f "$conf"
  # a test that is killed stops nothing itself
  setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 1; done; "$0" stop "$2"' "$(realpath "$0")" "$PPID" "$folder" \
    > /dev/null 2>&1 < /dev/null &
  for _ in $(seq 60); do SLURM_CONF=$conf sinfo -h -o %t 2>/dev/null | grep -q idle && exit 0; sleep 0.5; done
  tail -5 "$folder"/*.log >&2; exit 1 ;;
stop)
  for file in slurmd.pid slurmctld.pid munge/pid; do
    [ -f "$folder/$file" ] && kill "$(cat "$folder/$file")" 2>/dev/null || true
  done ;;
esac
