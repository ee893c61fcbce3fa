#!/usr/bin/env bash
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=60
#SBATCH --output=array-%a.log
# A run of many configurations, one task of a Slurm array each (docs/scaling.md), submitted in this project's folder:
#   ls -d runs/*/ > folders.txt
#   sbatch --array=1-$(wc -l < folders.txt)%20 profiles/slurm/array.sh folders.txt [words for snakemake]
# Each folder holds its config.yaml; paths in it count from that folder, results and Snakemake's own records go there.
set -euo pipefail

list=${1:?a file with a folder on each line}
shift
folder=$(awk -v line="${SLURM_ARRAY_TASK_ID:?submit it with sbatch --array}" 'NR == line { sub(/\r$/, ""); print }' "$list")
[ -n "$folder" ] || { echo "$list has no line $SLURM_ARRAY_TASK_ID" >&2; exit 2; }
[ -f "$folder/config.yaml" ] || { echo "$folder: no config.yaml" >&2; exit 2; }
PATH=$PWD/.venv/bin:$PATH  # where `make` has set the project up
exec python -m snakemake -s Snakefile --directory "$folder" --configfile "$folder/config.yaml" \
    --cores "${SLURM_CPUS_PER_TASK:-1}" "$@"
