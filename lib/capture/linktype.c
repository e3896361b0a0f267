/* SPDX-License-Identifier: BSD-3-Clause */
// LINKTYPE_ values as https://www.tcpdump.org/linktypes.html registers them.
#include <stddef.h>

#include "capture_priv.h"

static const struct {
	uint16_t value;
	const char *name;
} names[] = {
	{0, "NULL"},
	{1, "ETHERNET"},
	{3, "AX25"},
	{6, "IEEE802_5"},
	{7, "ARCNET_BSD"},
	{8, "SLIP"},
	{9, "PPP"},
	{10, "FDDI"},
	{12, "RAW"},
	{14, "RAW"},
	{50, "PPP_HDLC"},
	{51, "PPP_ETHER"},
	{99, "SYMANTEC_FIREWALL"},
	{100, "ATM_RFC1483"},
	{101, "RAW"},
	{104, "C_HDLC"},
	{105, "IEEE802_11"},
	{107, "FRELAY"},
	{108, "LOOP"},
	{109, "ENC"},
	{113, "LINUX_SLL"},
	{114, "LTALK"},
	{117, "PFLOG"},
	{119, "IEEE802_11_PRISM"},
	{122, "IP_OVER_FC"},
	{123, "SUNATM"},
	{127, "IEEE802_11_RADIOTAP"},
	{129, "ARCNET_LINUX"},
	{138, "APPLE_IP_OVER_IEEE1394"},
	{139, "MTP2_WITH_PHDR"},
	{140, "MTP2"},
	{141, "MTP3"},
	{142, "SCCP"},
	{143, "DOCSIS"},
	{144, "LINUX_IRDA"},
	{163, "IEEE802_11_AVS"},
	{165, "BACNET_MS_TP"},
	{166, "PPP_PPPD"},
	{169, "GPRS_LLC"},
	{170, "GPF_T"},
	{171, "GPF_F"},
	{177, "LINUX_LAPD"},
	{182, "MFR"},
	{187, "BLUETOOTH_HCI_H4"},
	{189, "USB_LINUX"},
	{192, "PPI"},
	{195, "IEEE802_15_4_WITHFCS"},
	{196, "SITA"},
	{197, "ERF"},
	{201, "BLUETOOTH_HCI_H4_WITH_PHDR"},
	{202, "AX25_KISS"},
	{203, "LAPD"},
	{204, "PPP_WITH_DIR"},
	{205, "C_HDLC_WITH_DIR"},
	{206, "FRELAY_WITH_DIR"},
	{207, "LAPB_WITH_DIR"},
	{209, "I2C_LINUX"},
	{210, "FLEXRAY"},
	{211, "MOST"},
	{212, "LIN"},
	{215, "IEEE802_15_4_NONASK_PHY"},
	{220, "USB_LINUX_MMAPPED"},
	{224, "FC_2"},
	{225, "FC_2_WITH_FRAME_DELIMS"},
	{226, "IPNET"},
	{227, "CAN_SOCKETCAN"},
	{228, "IPV4"},
	{229, "IPV6"},
	{230, "IEEE802_15_4_NOFCS"},
	{231, "DBUS"},
	{235, "DVB_CI"},
	{236, "MUX27010"},
	{237, "STANAG_5066_D_PDU"},
	{239, "NFLOG"},
	{240, "NETANALYZER"},
	{241, "NETANALYZER_TRANSPARENT"},
	{242, "IPOIB"},
	{243, "MPEG_2_TS"},
	{244, "NG40"},
	{245, "NFC_LLCP"},
	{247, "INFINIBAND"},
	{248, "SCTP"},
	{249, "USBPCAP"},
	{250, "RTAC_SERIAL"},
	{251, "BLUETOOTH_LE_LL"},
	{252, "WIRESHARK_UPPER_PDU"},
	{253, "NETLINK"},
	{254, "BLUETOOTH_LINUX_MONITOR"},
	{255, "BLUETOOTH_BREDR_BB"},
	{256, "BLUETOOTH_LE_LL_WITH_PHDR"},
	{257, "PROFIBUS_DL"},
	{258, "PKTAP"},
	{259, "EPON"},
	{260, "IPMI_HPM_2"},
	{261, "ZWAVE_R1_R2"},
	{262, "ZWAVE_R3"},
	{263, "WATTSTOPPER_DLM"},
	{264, "ISO_14443"},
	{265, "RDS"},
	{266, "USB_DARWIN"},
	{268, "SDLC"},
	{270, "LORATAP"},
	{271, "VSOCK"},
	{272, "NORDIC_BLE"},
	{273, "DOCSIS31_XRA31"},
	{274, "ETHERNET_MPACKET"},
	{275, "DISPLAYPORT_AUX"},
	{276, "LINUX_SLL2"},
	{278, "OPENVIZSLA"},
	{279, "EBHSCR"},
	{280, "VPP_DISPATCH"},
	{281, "DSA_TAG_BRCM"},
	{282, "DSA_TAG_BRCM_PREPEND"},
	{283, "IEEE802_15_4_TAP"},
	{284, "DSA_TAG_DSA"},
	{285, "DSA_TAG_EDSA"},
	{286, "ELEE"},
	{287, "Z_WAVE_SERIAL"},
	{288, "USB_2_0"},
	{289, "ATSC_ALP"},
	{290, "ETW"},
};

const char *linktype_name(uint32_t linktype) {
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].value == linktype)
			return names[i].name;
	return linktype >= 147 && linktype <= 162 ? "USER" : NULL;
}

uint8_t linktype_link(uint32_t linktype) {
	switch (linktype) {
	case 1:
		return TT_LINK_ETHERNET;
	case 12:
	case 14: // what OpenBSD wrote for raw IP
	case 101:
	case 228:
	case 229:
		return TT_LINK_RAW;
	case 113:
		return TT_LINK_SLL;
	case 276:
		return TT_LINK_SLL2;
	default:
		return NOT_A_LINK;
	}
}
