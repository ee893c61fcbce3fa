#!/usr/bin/env bash
# A Slurm of one node without accounting, for tests: one_node_slurm.sh start|stop FOLDER (as root; Debian: slurm-wlm, munge).
# Everything lies in FOLDER; commands find it by the link /run/slurm/conf, as jobs lose the variable SLURM_CONF.
# Exit code 77: not possible here, with the reason.
set -euo pipefail
action=$1 folder=$(mkdir -p "$2" && cd "$2" && pwd)
export SLURM_CONF=$folder/slurm.conf
link=/run/slurm/conf
daemons="slurmd slurmctld munged"

for program in $daemons mungekey sinfo sbatch; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "the daemons start as root only" >&2; exit 77; }
PATH=$PATH:/usr/sbin:/sbin

stop() {
    [ "$(readlink $link)" != "$folder" ] || rm $link
    for daemon in $daemons; do
        [ -s "$folder/$daemon.pid" ] && kill "$(cat "$folder/$daemon.pid")" 2>/dev/null || true
    done
}

if [ "$action" = stop ]; then
    stop
    exit 0
fi

for place in /etc/slurm/slurm.conf $link; do
    [ ! -e $place ] || { echo "this machine has a Slurm already: $place" >&2; exit 77; }
done
name=$(hostname -s)
port=$(python3 -c 'import socket; a, b = socket.socket(), socket.socket(); a.bind(("", 0)); b.bind(("", 0)); print(a.getsockname()[1], b.getsockname()[1])')
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$name(127.0.0.1)
SlurmUser=root
SlurmctldPort=${port% *}
SlurmdPort=${port#* }
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
MinJobAge=300
SchedulerParameters=batch_sched_delay=1,sched_interval=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$name NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(free -m | awk "/^Mem/ {print int(\$2 * .9)}") State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
mkdir -p "$folder/state" "$folder/spool"
chmod 755 "$folder"
mungekey --create --force --keyfile="$folder/munge.key"
trap 'stop' ERR
mkdir -p "$(dirname $link)"
ln -sfn "$folder" $link
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
slurmctld
slurmd
for _ in $(seq 60); do
    sinfo --noheader --format=%t 2>/dev/null | grep -q '^idle$' && exit 0
    sleep 0.5
done
echo "the node does not come up: see $folder/slurmctld.log and $folder/slurmd.log" >&2
stop
exit 1
