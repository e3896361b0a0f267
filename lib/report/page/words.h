/* SPDX-License-Identifier: BSD-3-Clause */
// What the page says, in both languages: one row a text.
#pragma once
#include "tt_page.h"

// Where a heading of a column may be broken.
#define ZW "\u200b"

#define WORDS(X)                                                                                                                           \
	X(TITLE, "Internet Observation Report", "インターネット定点観測レポート")                                                          \
	X(CONTENTS, "Contents", "目次")                                                                                                    \
	X(OVERVIEW, "Overview", "概況")                                                                                                    \
	X(SERVICES, "Services", "宛先ポート番号")                                                                                          \
	X(REGIONS, "Source regions", "送信元地域")                                                                                         \
	X(TOPICS, "Topics of the period", "注目された現象")                                                                                \
	X(CHANGES, "Changes", "観測動向の変化")                                                                                            \
	X(SENSORS, "Sensors", "センサー別の観測状況")                                                                                      \
	X(REQUESTS, "Requests", "お願い")                                                                                                  \
	X(REFERENCES, "References", "参考文献")                                                                                            \
	X(METHOD, "Method and data", "観測方法とデータについて")                                                                           \
	X(DATE, "Published", "発行日")                                                                                                     \
	X(PERIOD, "Period", "対象期間")                                                                                                    \
	X(TIMEZONE, "Time zone of days", "日付の時間帯")                                                                                   \
	X(DATA_DATES, "Data held", "データの範囲")                                                                                         \
	X(RIR_DATE, "Registration data of", "割り当て情報の日付")                                                                          \
	X(RECIPIENT, "Prepared for", "提供先")                                                                                             \
	X(CONTACT, "Contact", "連絡先")                                                                                                    \
	X(SCOPE, "Sensors of the tables", "表の対象センサー")                                                                              \
	X(COLON, ": ", "：")                                                                                                               \
	X(LICENCE, "Licence", "利用条件")                                                                                                  \
	X(CLASSES, "Packets by class", "分類別のパケット数")                                                                               \
	X(SENSOR_LIST, "Sensors, and their packets of class scan",                                                                         \
		"センサー別のスキャンパケット数")                                                                                          \
	X(COMPARE, "Domestic against overseas sensors", "国内と海外のセンサーの比較")                                                      \
	X(EACH_TOP, "Top 10 of each sensor", "センサーごとのTOP10")                                                                        \
	X(RATE_SHORT, "Per address " ZW "and day", "1アドレス1日" ZW "あたり")                                                             \
	X(TO, " to ", "～")                                                                                                                \
	X(TABLE, "Table ", "表")                                                                                                           \
	X(FIGURE, "Figure ", "図")                                                                                                         \
	X(RANK, "Rank", "順位")                                                                                                            \
	X(PORT, "Destination port", "宛先ポート番号")                                                                                      \
	X(REGION, "Source region", "送信元地域")                                                                                           \
	X(PREVIOUS_QUARTER, "Previous " ZW "quarter", "前四半期の" ZW "順位")                                                              \
	X(PREVIOUS_MONTH, "Previous " ZW "month", "前月の" ZW "順位")                                                                      \
	X(PREVIOUS_YEAR, "Previous " ZW "year", "前年の" ZW "順位")                                                                        \
	X(PREVIOUS_DAYS, "Previous " ZW "period", "前期間の" ZW "順位")                                                                    \
	X(THE_PREVIOUS_QUARTER, "the previous quarter", "前四半期")                                                                        \
	X(THE_PREVIOUS_MONTH, "the previous month", "前月")                                                                                \
	X(THE_PREVIOUS_YEAR, "the previous year", "前年")                                                                                  \
	X(THE_PREVIOUS_DAYS, "the previous period", "前期間")                                                                              \
	X(QUARTER, "the quarter", "本四半期")                                                                                              \
	X(MONTH, "the month", "当月")                                                                                                      \
	X(YEAR, "the year", "本年")                                                                                                        \
	X(DAYS, "the period", "対象期間")                                                                                                  \
	X(RATE, "Packets per address and day", "1アドレス1日あたりのパケット数")                                                           \
	X(RATE_HEAD, "Packets per address and day", "1アドレス1日" ZW "あたりの" ZW "パケット数")                                          \
	X(PACKETS, "Packets", "パケット数")                                                                                                \
	X(BYTES, "Bytes", "バイト数")                                                                                                      \
	X(SOURCES, "Sources", "送信元" ZW "アドレス数")                                                                                    \
	X(CLASS, "Class", "分類")                                                                                                          \
	X(SENSOR, "Sensor", "センサー")                                                                                                    \
	X(COUNTRY, "Country", "国・地域")                                                                                                  \
	X(NETWORK, "Network", "ネットワーク")                                                                                              \
	X(COMPLETENESS, "Completeness", "観測の完全性")                                                                                    \
	X(SENSOR_COUNT, "Sensors", "センサー数")                                                                                           \
	X(ADDRESSES, "Addresses", "アドレス数")                                                                                            \
	X(DOMESTIC, "Domestic sensors", "国内センサー")                                                                                    \
	X(OVERSEAS, "Overseas sensors", "海外センサー")                                                                                    \
	X(RANK_DOMESTIC, "Rank, domestic", "国内の順位")                                                                                   \
	X(RANK_OVERSEAS, "Rank, overseas", "海外の順位")                                                                                   \
	X(RATE_DOMESTIC, "Domestic", "国内")                                                                                               \
	X(RATE_OVERSEAS, "Overseas", "海外")                                                                                               \
	X(DAY, "Day", "日付")                                                                                                              \
	X(NO_PERIOD, "There is no data of this period.", "この期間のデータはありません。")                                                 \
	X(NO_REGIONS,                                                                                                                      \
		"There is no registration data for this period: where packets came from is not "                                           \
		"known.",                                                                                                                  \
		"この期間の割り当て情報がないため、送信元地域は不明です。")                                                                \
	X(NO_DATA, "no data", "データなし")                                                                                                \
	X(INCOMPLETE_DAYS, "day with incomplete or no data", "観測が不完全またはデータのない日")                                           \
	X(Y_PACKETS, "Packets per day", "1日あたりのパケット数")                                                                           \
	X(Y_BYTES, "Bytes per day", "1日あたりのバイト数")                                                                                 \
	X(Y_SOURCES, "Source addresses per day", "1日あたりの送信元アドレス数")                                                            \
	X(MIXED_PORTS, "varying ports", "不定のポート")                                                                                    \
	X(ICMP_TYPE, "type", "タイプ")                                                                                                     \
	X(PROTOCOL, "protocol", "プロトコル番号")                                                                                          \
	X(REGION_UNKNOWN, "unknown or special-purpose", "不明または特殊用途")                                                              \
	X(NOTHING,                                                                                                                         \
		"Nothing was observed in this period: the database holds no packets of it, and "                                           \
		"no sensor was up.",                                                                                                       \
		"対象期間中の観測データはありません。データベースに該当するパケットはなく、稼働し" \
		"ていたセンサーもありません。")                                                                                            \
	X(NO_ROWS, "No packets of this kind were observed.",                                                                               \
		"該当するパケットは観測されませんでした。")                                                                                \
	X(NO_SENSORS, "No sensor was up in this period.",                                                                                  \
		"対象期間中に稼働していたセンサーはありません。")                                                                          \
	X(NO_CHANGES, "No change stood out from what is usual.",                                                                           \
		"通常の変動を超える変化は見られませんでした。")                                                                            \
	X(NO_ODD_DAYS, "No day stood out from the others.",                                                                                \
		"ほかの日から突出した変化は見られませんでした。")                                                                          \
	X(NO_TOPICS, "No watch had anything to tell.", "特筆すべき事象はありませんでした。")                                               \
	X(REQUEST,                                                                                                                         \
		"Much of this traffic comes from devices whose owners do not know of it. Please "                                          \
		"keep "                                                                                                                    \
		"routers, cameras and servers up to date, close services that need not be "                                                \
		"reached "                                                                                                                 \
		"from the Internet, and tell us when you find the cause of what is described "                                             \
		"here.",                                                                                                                   \
		"本レポートで示したパケットの多くは、所有者が気付かないまま不正に利用されている機" \
		"器か"                                                                                                                   \
		"ら送信されています。ルーターやカメラ、サーバーなどの機器を最新の状態に保ち、イン" \
		"ター"                                                                                                                   \
		"ネットから利用する必要のないサービスを停止してください。また、本レポートで示した" \
		"現象"                                                                                                                   \
		"の原因が判明した場合は、情報の提供をお願いいたします。")                                                                  \
	X(FIRST_DAY, "First day", "初日")                                                                                                  \
	X(LAST_DAY, "Last day", "最終日")                                                                                                  \
	X(PEAK_DAY, "Peak on", "最大の日")                                                                                                 \
	X(PEAK, "Peak", "最大値")                                                                                                          \
	X(EXTREME, "Highest day " ZW "(declines: lowest)", "最大値" ZW "（減少は" ZW "最小値）")                                           \
	X(USUAL, "Usual per day", "通常の" ZW "1日あたり")                                                                                 \
	X(CHANGES_LIST,                                                                                                                    \
		"Surges, dips and new levels (packets per day; topics in the unit of their "                                               \
		"figure)",                                                                                                                 \
		"一時的な増減と水準の変化（1日あたりのパケット数、注目された現象は各図の単位）")                                           \
	X(MOVES_LIST, "Newcomers and leavers of the top 5 and 10", "TOP5・TOP10の入れ替わり")                                              \
	X(SURGES, "Surges", "急増した期間")                                                                                                \
	X(WHO_SAW, "Packets by network: expected if they came to all addresses alike, and seen",                                           \
		"ネットワーク別のパケット数：期待値（全アドレスに等しく届いた場合）と観測数")                                              \
	X(UP, "Up (least sensor)", "稼働率" ZW "（最低）")                                                                                 \
	X(EXPECTED, "Expected", "期待値")                                                                                                  \
	X(SEEN, "Seen", "観測数")                                                                                                          \
	X(NOT_COUNTED, "Part of the period lies before this watch and was not counted.",                                                   \
		"対象期間の一部は集計の開始前であり、数えられていません。")                                                                \
	X(SURGE, "surge", "急増")                                                                                                          \
	X(RISE, "rise", "水準の上昇")                                                                                                      \
	X(DECLINE, "decline", "水準の低下")                                                                                                \
	X(DIP, "dip", "一時的な減少")                                                                                                      \
	X(NEWCOMER, "entered the top", "に入る")                                                                                           \
	X(LEAVER, "left the top", "から外れる")                                                                                            \
	X(WHAT, "What", "対象")                                                                                                            \
	X(CHANGE, "Change", "変化")                                                                                                        \
	X(LASTS, "goes on", "継続中")                                                                                                      \
	X(ANSWERS, ", answers", "からの応答")                                                                                              \
	X(TOOLS, "Packets of known tools", "既知のツールによるパケット")                                                                   \
	X(TOOL, "Tool", "ツール")                                                                                                          \
	X(MATCHES, "Packets that match " ZW "its rule", "特徴に一致した" ZW "パケット")                                                    \
	X(TOOLS_NOTE,                                                                                                                      \
		"Sources are identified by packets that match a tool's rule (Mirai: every family "                                         \
		"that shares its scanner); sources that match no rule may still use the tool.",                                            \
		"パケットの特徴により送信元を判定しています（Miraiは同じスキャナーを持つ亜種を含"     \
		"みます）。判定されなかった送信元がツールを使用していないとは限りません。")                                                \
	X(FAMILIES, "Packets to services that malware targets",                                                                            \
		"マルウェアが探索するサービス宛のパケット")                                                                                \
	X(FAMILY, "Malware", "マルウェア")                                                                                                 \
	X(FAMILY_SERVICES, "Services counted", "集計対象の" ZW "サービス")                                                                 \
	X(FAMILIES_NOTE,                                                                                                                   \
		"All packets to the services that a family is known to target are counted, "                                               \
		"whoever sent them; a service that several families target counts for each.",                                              \
		"各マルウェアが探索することが知られているサービス宛のパケットを、送信元を問わず集" \
		"計しています。複数のマルウェアに関連するサービスは、それぞれに集計しています。")                                          \
	X(PUBLISHED, "What is published about these services",                                                                             \
		"これらのサービスについて公表されている情報")                                                                              \
	X(KNOWN, "What listens there", "サービスの概要")                                                                                   \
	X(MALWARE, "Malware that targets it", "関連するマルウェア")                                                                        \
	X(EXPLOITED, "Vulnerabilities (exploited since)", "脆弱性（悪用の確認日）")                                                        \
	X(VULNERABILITIES, "Vulnerabilities", "脆弱性")                                                                                    \
	X(KNOWLEDGE_NOTE,                                                                                                                  \
		"Published knowledge stands beside the figures; it does not prove what the "                                               \
		"packets were for.",                                                                                                       \
		"公表されている情報を参考として示すものであり、観測されたパケットの目的を示すもの" \
		"ではありません。")                                                                                                        \
	X(PUBLISHED_NOTE,                                                                                                                  \
		"Dates are those of CISA's Known Exploited Vulnerabilities catalogue; bold: "                                              \
		"within the period.",                                                                                                      \
		"日付はCISAのKnown Exploited "                                                                                         \
		"Vulnerabilitiesカタログへの掲載日で、対象期間中のものは太字です。")                                                       \
	X(SHARE, "Share", "割合")                                                                                                          \
	X(SERVICE, "Service", "サービス")                                                                                                  \
	X(GROUP, "Group of sensors", "センサーのグループ")                                                                                 \
	X(SENSOR_COUNTRY, "Country of sensors", "センサーの国・地域")                                                                      \
	X(ORIGIN, "Origin AS", "送信元AS")                                                                                                 \
	X(TRAIT, "Trait", "特徴")                                                                                                          \
	X(UNKNOWN, "unknown", "不明")                                                                                                      \
	X(PRODUCT, "Product", "製品")                                                                                                      \
	X(PRODUCTS, "Sources found open, by product", "応答可能であった送信元の製品")                                                      \
	X(NOT_GIVEN, "not given", "記載なし")                                                                                              \
	X(CLASS_SCAN, "scan", "スキャン")                                                                                                  \
	X(CLASS_BACKSCATTER, "backscatter", "バックスキャッター")                                                                          \
	X(CLASS_REFLECTION, "reflection", "リフレクション応答")                                                                            \
	X(CLASS_OTHER, "other", "その他")                                                                                                  \
	X(CLASS_FRAGMENT, "fragment", "フラグメント")

enum word {
#define ROW(id, en, ja) W_##id,
	WORDS(ROW)
#undef ROW
};

const char *say(enum tt_lang lang, enum word w);
