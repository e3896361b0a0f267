/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Every code of ISO 3166-1, with the short names that English and Japanese newspapers use, and the
// two that registries use besides: EU and AP. In the order of the codes.
#define REGION_NAMES                                                                               \
	X(AD, "Andorra", "アンドラ")                                                               \
	X(AE, "United Arab Emirates", "アラブ首長国連邦")                                          \
	X(AF, "Afghanistan", "アフガニスタン")                                                     \
	X(AG, "Antigua and Barbuda", "アンティグア・バーブーダ")                                   \
	X(AI, "Anguilla", "アンギラ")                                                              \
	X(AL, "Albania", "アルバニア")                                                             \
	X(AM, "Armenia", "アルメニア")                                                             \
	X(AO, "Angola", "アンゴラ")                                                                \
	X(AP, "Asia-Pacific", "アジア太平洋")                                                      \
	X(AQ, "Antarctica", "南極")                                                                \
	X(AR, "Argentina", "アルゼンチン")                                                         \
	X(AS, "American Samoa", "米領サモア")                                                      \
	X(AT, "Austria", "オーストリア")                                                           \
	X(AU, "Australia", "オーストラリア")                                                       \
	X(AW, "Aruba", "アルバ")                                                                   \
	X(AX, "Åland Islands", "オーランド諸島")                                                   \
	X(AZ, "Azerbaijan", "アゼルバイジャン")                                                    \
	X(BA, "Bosnia and Herzegovina", "ボスニア・ヘルツェゴビナ")                                \
	X(BB, "Barbados", "バルバドス")                                                            \
	X(BD, "Bangladesh", "バングラデシュ")                                                      \
	X(BE, "Belgium", "ベルギー")                                                               \
	X(BF, "Burkina Faso", "ブルキナファソ")                                                    \
	X(BG, "Bulgaria", "ブルガリア")                                                            \
	X(BH, "Bahrain", "バーレーン")                                                             \
	X(BI, "Burundi", "ブルンジ")                                                               \
	X(BJ, "Benin", "ベナン")                                                                   \
	X(BL, "Saint Barthélemy", "サンバルテルミー")                                              \
	X(BM, "Bermuda", "バミューダ")                                                             \
	X(BN, "Brunei", "ブルネイ")                                                                \
	X(BO, "Bolivia", "ボリビア")                                                               \
	X(BQ, "Caribbean Netherlands", "オランダ領カリブ")                                         \
	X(BR, "Brazil", "ブラジル")                                                                \
	X(BS, "Bahamas", "バハマ")                                                                 \
	X(BT, "Bhutan", "ブータン")                                                                \
	X(BV, "Bouvet Island", "ブーベ島")                                                         \
	X(BW, "Botswana", "ボツワナ")                                                              \
	X(BY, "Belarus", "ベラルーシ")                                                             \
	X(BZ, "Belize", "ベリーズ")                                                                \
	X(CA, "Canada", "カナダ")                                                                  \
	X(CC, "Cocos (Keeling) Islands", "ココス諸島")                                             \
	X(CD, "DR Congo", "コンゴ民主共和国")                                                      \
	X(CF, "Central African Republic", "中央アフリカ")                                          \
	X(CG, "Congo", "コンゴ共和国")                                                             \
	X(CH, "Switzerland", "スイス")                                                             \
	X(CI, "Ivory Coast", "コートジボワール")                                                   \
	X(CK, "Cook Islands", "クック諸島")                                                        \
	X(CL, "Chile", "チリ")                                                                     \
	X(CM, "Cameroon", "カメルーン")                                                            \
	X(CN, "China", "中国")                                                                     \
	X(CO, "Colombia", "コロンビア")                                                            \
	X(CR, "Costa Rica", "コスタリカ")                                                          \
	X(CU, "Cuba", "キューバ")                                                                  \
	X(CV, "Cape Verde", "カボベルデ")                                                          \
	X(CW, "Curaçao", "キュラソー")                                                             \
	X(CX, "Christmas Island", "クリスマス島")                                                  \
	X(CY, "Cyprus", "キプロス")                                                                \
	X(CZ, "Czech Republic", "チェコ")                                                          \
	X(DE, "Germany", "ドイツ")                                                                 \
	X(DJ, "Djibouti", "ジブチ")                                                                \
	X(DK, "Denmark", "デンマーク")                                                             \
	X(DM, "Dominica", "ドミニカ国")                                                            \
	X(DO, "Dominican Republic", "ドミニカ共和国")                                              \
	X(DZ, "Algeria", "アルジェリア")                                                           \
	X(EC, "Ecuador", "エクアドル")                                                             \
	X(EE, "Estonia", "エストニア")                                                             \
	X(EG, "Egypt", "エジプト")                                                                 \
	X(EH, "Western Sahara", "西サハラ")                                                        \
	X(ER, "Eritrea", "エリトリア")                                                             \
	X(ES, "Spain", "スペイン")                                                                 \
	X(ET, "Ethiopia", "エチオピア")                                                            \
	X(EU, "European Union", "欧州連合")                                                        \
	X(FI, "Finland", "フィンランド")                                                           \
	X(FJ, "Fiji", "フィジー")                                                                  \
	X(FK, "Falkland Islands", "フォークランド諸島")                                            \
	X(FM, "Micronesia", "ミクロネシア連邦")                                                    \
	X(FO, "Faroe Islands", "フェロー諸島")                                                     \
	X(FR, "France", "フランス")                                                                \
	X(GA, "Gabon", "ガボン")                                                                   \
	X(GB, "United Kingdom", "イギリス")                                                        \
	X(GD, "Grenada", "グレナダ")                                                               \
	X(GE, "Georgia", "ジョージア")                                                             \
	X(GF, "French Guiana", "仏領ギアナ")                                                       \
	X(GG, "Guernsey", "ガーンジー")                                                            \
	X(GH, "Ghana", "ガーナ")                                                                   \
	X(GI, "Gibraltar", "ジブラルタル")                                                         \
	X(GL, "Greenland", "グリーンランド")                                                       \
	X(GM, "Gambia", "ガンビア")                                                                \
	X(GN, "Guinea", "ギニア")                                                                  \
	X(GP, "Guadeloupe", "グアドループ")                                                        \
	X(GQ, "Equatorial Guinea", "赤道ギニア")                                                   \
	X(GR, "Greece", "ギリシャ")                                                                \
	X(GS, "South Georgia and the South Sandwich Islands",                                      \
		"サウスジョージア・サウスサンドウィッチ諸島")                                      \
	X(GT, "Guatemala", "グアテマラ")                                                           \
	X(GU, "Guam", "グアム")                                                                    \
	X(GW, "Guinea-Bissau", "ギニアビサウ")                                                     \
	X(GY, "Guyana", "ガイアナ")                                                                \
	X(HK, "Hong Kong", "香港")                                                                 \
	X(HM, "Heard Island and McDonald Islands", "ハード島・マクドナルド諸島")                   \
	X(HN, "Honduras", "ホンジュラス")                                                          \
	X(HR, "Croatia", "クロアチア")                                                             \
	X(HT, "Haiti", "ハイチ")                                                                   \
	X(HU, "Hungary", "ハンガリー")                                                             \
	X(ID, "Indonesia", "インドネシア")                                                         \
	X(IE, "Ireland", "アイルランド")                                                           \
	X(IL, "Israel", "イスラエル")                                                              \
	X(IM, "Isle of Man", "マン島")                                                             \
	X(IN, "India", "インド")                                                                   \
	X(IO, "British Indian Ocean Territory", "英領インド洋地域")                                \
	X(IQ, "Iraq", "イラク")                                                                    \
	X(IR, "Iran", "イラン")                                                                    \
	X(IS, "Iceland", "アイスランド")                                                           \
	X(IT, "Italy", "イタリア")                                                                 \
	X(JE, "Jersey", "ジャージー")                                                              \
	X(JM, "Jamaica", "ジャマイカ")                                                             \
	X(JO, "Jordan", "ヨルダン")                                                                \
	X(JP, "Japan", "日本")                                                                     \
	X(KE, "Kenya", "ケニア")                                                                   \
	X(KG, "Kyrgyzstan", "キルギス")                                                            \
	X(KH, "Cambodia", "カンボジア")                                                            \
	X(KI, "Kiribati", "キリバス")                                                              \
	X(KM, "Comoros", "コモロ")                                                                 \
	X(KN, "Saint Kitts and Nevis", "セントクリストファー・ネービス")                           \
	X(KP, "North Korea", "北朝鮮")                                                             \
	X(KR, "South Korea", "韓国")                                                               \
	X(KW, "Kuwait", "クウェート")                                                              \
	X(KY, "Cayman Islands", "ケイマン諸島")                                                    \
	X(KZ, "Kazakhstan", "カザフスタン")                                                        \
	X(LA, "Laos", "ラオス")                                                                    \
	X(LB, "Lebanon", "レバノン")                                                               \
	X(LC, "Saint Lucia", "セントルシア")                                                       \
	X(LI, "Liechtenstein", "リヒテンシュタイン")                                               \
	X(LK, "Sri Lanka", "スリランカ")                                                           \
	X(LR, "Liberia", "リベリア")                                                               \
	X(LS, "Lesotho", "レソト")                                                                 \
	X(LT, "Lithuania", "リトアニア")                                                           \
	X(LU, "Luxembourg", "ルクセンブルク")                                                      \
	X(LV, "Latvia", "ラトビア")                                                                \
	X(LY, "Libya", "リビア")                                                                   \
	X(MA, "Morocco", "モロッコ")                                                               \
	X(MC, "Monaco", "モナコ")                                                                  \
	X(MD, "Moldova", "モルドバ")                                                               \
	X(ME, "Montenegro", "モンテネグロ")                                                        \
	X(MF, "Saint Martin", "サンマルタン")                                                      \
	X(MG, "Madagascar", "マダガスカル")                                                        \
	X(MH, "Marshall Islands", "マーシャル諸島")                                                \
	X(MK, "North Macedonia", "北マケドニア")                                                   \
	X(ML, "Mali", "マリ")                                                                      \
	X(MM, "Myanmar", "ミャンマー")                                                             \
	X(MN, "Mongolia", "モンゴル")                                                              \
	X(MO, "Macau", "マカオ")                                                                   \
	X(MP, "Northern Mariana Islands", "北マリアナ諸島")                                        \
	X(MQ, "Martinique", "マルティニーク")                                                      \
	X(MR, "Mauritania", "モーリタニア")                                                        \
	X(MS, "Montserrat", "モントセラト")                                                        \
	X(MT, "Malta", "マルタ")                                                                   \
	X(MU, "Mauritius", "モーリシャス")                                                         \
	X(MV, "Maldives", "モルディブ")                                                            \
	X(MW, "Malawi", "マラウイ")                                                                \
	X(MX, "Mexico", "メキシコ")                                                                \
	X(MY, "Malaysia", "マレーシア")                                                            \
	X(MZ, "Mozambique", "モザンビーク")                                                        \
	X(NA, "Namibia", "ナミビア")                                                               \
	X(NC, "New Caledonia", "ニューカレドニア")                                                 \
	X(NE, "Niger", "ニジェール")                                                               \
	X(NF, "Norfolk Island", "ノーフォーク島")                                                  \
	X(NG, "Nigeria", "ナイジェリア")                                                           \
	X(NI, "Nicaragua", "ニカラグア")                                                           \
	X(NL, "Netherlands", "オランダ")                                                           \
	X(NO, "Norway", "ノルウェー")                                                              \
	X(NP, "Nepal", "ネパール")                                                                 \
	X(NR, "Nauru", "ナウル")                                                                   \
	X(NU, "Niue", "ニウエ")                                                                    \
	X(NZ, "New Zealand", "ニュージーランド")                                                   \
	X(OM, "Oman", "オマーン")                                                                  \
	X(PA, "Panama", "パナマ")                                                                  \
	X(PE, "Peru", "ペルー")                                                                    \
	X(PF, "French Polynesia", "仏領ポリネシア")                                                \
	X(PG, "Papua New Guinea", "パプアニューギニア")                                            \
	X(PH, "Philippines", "フィリピン")                                                         \
	X(PK, "Pakistan", "パキスタン")                                                            \
	X(PL, "Poland", "ポーランド")                                                              \
	X(PM, "Saint Pierre and Miquelon", "サンピエール・ミクロン")                               \
	X(PN, "Pitcairn Islands", "ピトケアン諸島")                                                \
	X(PR, "Puerto Rico", "プエルトリコ")                                                       \
	X(PS, "Palestine", "パレスチナ")                                                           \
	X(PT, "Portugal", "ポルトガル")                                                            \
	X(PW, "Palau", "パラオ")                                                                   \
	X(PY, "Paraguay", "パラグアイ")                                                            \
	X(QA, "Qatar", "カタール")                                                                 \
	X(RE, "Réunion", "レユニオン")                                                             \
	X(RO, "Romania", "ルーマニア")                                                             \
	X(RS, "Serbia", "セルビア")                                                                \
	X(RU, "Russia", "ロシア")                                                                  \
	X(RW, "Rwanda", "ルワンダ")                                                                \
	X(SA, "Saudi Arabia", "サウジアラビア")                                                    \
	X(SB, "Solomon Islands", "ソロモン諸島")                                                   \
	X(SC, "Seychelles", "セーシェル")                                                          \
	X(SD, "Sudan", "スーダン")                                                                 \
	X(SE, "Sweden", "スウェーデン")                                                            \
	X(SG, "Singapore", "シンガポール")                                                         \
	X(SH, "Saint Helena", "セントヘレナ")                                                      \
	X(SI, "Slovenia", "スロベニア")                                                            \
	X(SJ, "Svalbard and Jan Mayen", "スバールバル諸島・ヤンマイエン島")                        \
	X(SK, "Slovakia", "スロバキア")                                                            \
	X(SL, "Sierra Leone", "シエラレオネ")                                                      \
	X(SM, "San Marino", "サンマリノ")                                                          \
	X(SN, "Senegal", "セネガル")                                                               \
	X(SO, "Somalia", "ソマリア")                                                               \
	X(SR, "Suriname", "スリナム")                                                              \
	X(SS, "South Sudan", "南スーダン")                                                         \
	X(ST, "São Tomé and Príncipe", "サントメ・プリンシペ")                                     \
	X(SV, "El Salvador", "エルサルバドル")                                                     \
	X(SX, "Sint Maarten", "シントマールテン")                                                  \
	X(SY, "Syria", "シリア")                                                                   \
	X(SZ, "Eswatini", "エスワティニ")                                                          \
	X(TC, "Turks and Caicos Islands", "タークス・カイコス諸島")                                \
	X(TD, "Chad", "チャド")                                                                    \
	X(TF, "French Southern Territories", "仏領南方地域")                                       \
	X(TG, "Togo", "トーゴ")                                                                    \
	X(TH, "Thailand", "タイ")                                                                  \
	X(TJ, "Tajikistan", "タジキスタン")                                                        \
	X(TK, "Tokelau", "トケラウ")                                                               \
	X(TL, "East Timor", "東ティモール")                                                        \
	X(TM, "Turkmenistan", "トルクメニスタン")                                                  \
	X(TN, "Tunisia", "チュニジア")                                                             \
	X(TO, "Tonga", "トンガ")                                                                   \
	X(TR, "Turkey", "トルコ")                                                                  \
	X(TT, "Trinidad and Tobago", "トリニダード・トバゴ")                                       \
	X(TV, "Tuvalu", "ツバル")                                                                  \
	X(TW, "Taiwan", "台湾")                                                                    \
	X(TZ, "Tanzania", "タンザニア")                                                            \
	X(UA, "Ukraine", "ウクライナ")                                                             \
	X(UG, "Uganda", "ウガンダ")                                                                \
	X(UM, "US Minor Outlying Islands", "合衆国領有小離島")                                     \
	X(US, "United States", "米国")                                                             \
	X(UY, "Uruguay", "ウルグアイ")                                                             \
	X(UZ, "Uzbekistan", "ウズベキスタン")                                                      \
	X(VA, "Vatican City", "バチカン")                                                          \
	X(VC, "Saint Vincent and the Grenadines", "セントビンセント・グレナディーン")              \
	X(VE, "Venezuela", "ベネズエラ")                                                           \
	X(VG, "British Virgin Islands", "英領バージン諸島")                                        \
	X(VI, "US Virgin Islands", "米領バージン諸島")                                             \
	X(VN, "Vietnam", "ベトナム")                                                               \
	X(VU, "Vanuatu", "バヌアツ")                                                               \
	X(WF, "Wallis and Futuna", "ウォリス・フツナ")                                             \
	X(WS, "Samoa", "サモア")                                                                   \
	X(YE, "Yemen", "イエメン")                                                                 \
	X(YT, "Mayotte", "マヨット")                                                               \
	X(ZA, "South Africa", "南アフリカ")                                                        \
	X(ZM, "Zambia", "ザンビア")                                                                \
	X(ZW, "Zimbabwe", "ジンバブエ")
