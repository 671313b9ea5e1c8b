#!/usr/bin/env bash
# Draws the clip of server/testcard anew: eight seconds that loop without a
# seam, as 240 pictures and 375 AAC frames of 1024 samples at 48 kHz both are.
# The parts tell what is wrong with a stream: the hand turns once a loop, the
# block crosses the bars once a second (it jumps when pictures are dropped), and
# each second begins with a beep as the lamp lights (sound that is early or late
# is seen). Key frames every second, no B-frames. The same streams as FLV, for
# RTMP, and as fragmented MP4, for a page. Needs ffmpeg and a sans-serif font.
source "$(dirname "$0")/lib.sh"

out=server/testcard
red=255 green=106 blue=69 # the tally lamp's colour
# still SIZE RGB ALPHA: one picture drawn by a formula, held for eight seconds.
still() {
	local rgb
	IFS=, read -ra rgb <<<"$2"
	echo "color=s=$1x$1:r=30:d=0.03,format=rgba,geq=r=${rgb[0]}:g=${rgb[1]}:b=${rgb[2]}:a='255*($3)',\
loop=loop=-1:size=1,setpts=N/30/TB,trim=duration=8"
}
x='(X-230)' y='(Y-230)'                       # from the middle of the dial
r="hypot($x,$y)"
step="(mod(atan2($x,-$y)/(2*PI)*8+8.5,1)-0.5)" # from the nearest eighth, in eighths
dial="max(clip(7.5-abs($r-216),0,1),clip(5-abs($step)*$r*PI/4,0,1)*between($r,184,204))"
hand="max(clip(14.5-$r,0,1),clip(6.5-abs($x),0,1)*between(-$y,0,170))"
bars=""
i=0
for c in f1efea d8c34a 4fb7c9 5aae62 b45fb0 c9402f 3a5fc2 16181b; do
	bars+=",drawbox=x=$((i * 160)):y=600:w=160:h=120:c=0x$c:t=fill"
	i=$((i + 1))
done
text="drawtext=font=sans\\\\:bold:fontcolor=0xf1efea"

ffmpeg -v error -y -filter_complex "
color=c=0x0e0f11:s=1280x720:r=30:d=8$bars,
	$text:text='echo.tv':fontsize=120:x=680:y=104,
	$text:text='Test picture':fontsize=56:x=684:y=248:fontcolor=0xb2b3b6,
	$text:text='%{eif\\:t+1\\:d}':fontsize=190:x=684:y=370[ground];
$(still 460 178,179,182 "$dial")[dial];
$(still 460 241,239,234 "$hand"),rotate=a='2*PI*t/8':c=none[hand];
$(still 80 $red,$green,$blue "clip(36-hypot(X-40,Y-40),0,1)")[lamp];
color=c=0xf1efea:s=40x120:r=30:d=8,drawbox=c=0x0e0f11:t=5[block];
[ground][dial]overlay=130:70[a];
[a][hand]overlay=130:70[b];
[b][lamp]overlay=860:420:enable='lt(mod(t,1),0.1)'[c];
[c][block]overlay=x='1280*mod(t,1)-20':y=600,format=yuv420p[v];
aevalsrc=exprs='0.25*sin(2*PI*if(lt(t,1),1320,880)*t)*lt(mod(t,1),0.1)*sin(PI*mod(t,1)/0.1)':s=48000:d=9[s]" \
	-map '[v]' -map '[s]' -frames:a 375 \
	-c:v libx264 -preset veryslow -tune animation -profile:v main -level 3.1 -refs 3 -crf 24 -bf 0 -g 30 -keyint_min 30 -sc_threshold 0 \
	-c:a aac -b:a 64k -ac 1 -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
	-flvflags no_duration_filesize "$out/testcard.flv"
ffmpeg -v error -y -i "$out/testcard.flv" -c copy -map_metadata -1 -fflags +bitexact \
	-movflags empty_moov+frag_keyframe+default_base_moof "$out/testcard.mp4"
ls -l "$out"/testcard.*
